//! Properties: what an independent signer signs is accepted and arrives as it was signed; a single change is refused and
//! never arrives. The seed is fixed, so that a run is the same every time.

#[path = "properties/change.rs"]
mod change;
#[path = "properties/draw.rs"]
mod draw;
mod line;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use change::Change;
use draw::{CUSTOM_DOMAIN, Drawn, parts, target};
use line::{Line, Stop};
use support::rec::Recorded;
use support::scene::{Forward, Scene};
use support::signer::{DOMAIN, Request, Word, unix_time};

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// 2026-11-22 10:00:00 UTC.
const NOW: u64 = 1_795_341_600;

fn line() -> Line {
    let mut line = Line::new(UNIX_EPOCH + Duration::from_secs(NOW));
    line.hosts.custom_domains.push(CUSTOM_DOMAIN.into());
    line
}

#[test]
fn what_is_signed_is_accepted_and_any_change_to_it_is_refused() {
    let line = line();
    let made = RefCell::new(HashMap::<Change, [usize; 2]>::new());
    let picks = any::<[u16; Change::ALL.len()]>();
    let result = runner(2_000).run(&(draw::request(NOW), picks), |(drawn, picks)| {
        let signed = drawn.signed();
        if let Err(stop) = line.check(&signed) {
            let text = drawn.request.signing().string_to_sign();
            return Err(TestCaseError::fail(format!(
                "{stop:?}\n{signed:#?}\n{text}"
            )));
        }
        for (change, pick) in Change::ALL.iter().zip(picks) {
            let Some(changed) = change.make(&drawn, &signed, pick.into()) else {
                continue;
            };
            let stop = line.check(&changed).map(|_| ());
            // Whether the operation is known says nothing about the signature.
            let refused = matches!(stop, Err(Stop::Auth(_) | Stop::Address(_)));
            prop_assert!(refused, "{change:?} passes: {stop:?}\n{changed:#?}");
            let rule = stop.as_ref().err().and_then(Stop::rule);
            let mut made = made.borrow_mut();
            let [all, by_signature] = made.entry(*change).or_default();
            *all += 1;
            *by_signature += usize::from(rule == Some(32));
            let own = match change {
                Change::AccessKeyId => Some(30),
                Change::UncoveredAdded => Some(33),
                _ => None,
            };
            prop_assert!(own.is_none() || own == rule, "{change:?}: {stop:?}");
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    for change in Change::ALL {
        let [all, by_signature] = made.borrow().get(&change).copied().unwrap_or_default();
        assert!(all > 40, "{change:?} was made {all} times");
        let other_rule = matches!(change, Change::AccessKeyId | Change::UncoveredAdded);
        assert!(
            other_rule || by_signature * 10 > all * 7,
            "{change:?}: {by_signature} of {all}"
        );
    }
}

/// Draws without shrinking: what follows has a state, the connection.
fn drawn<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    let tree = strategy.new_tree(runner);
    tree.expect("a request can be drawn").current()
}

/// The fields that a signature covers, by lower-case name, in order.
fn covered(
    headers: &[(String, String)],
    renamed: Option<(&str, &str)>,
) -> BTreeMap<String, Vec<String>> {
    let mut covered = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        let own = ["x-amz-", "x-wos-"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        if own || ["content-md5", "content-type", "date"].contains(&name.as_str()) {
            let name = match renamed.and_then(|(from, to)| Some((name.strip_prefix(from)?, to))) {
                Some((rest, to)) => format!("{to}{rest}"),
                None => name,
            };
            covered
                .entry(name)
                .or_default()
                .push(value.trim().to_owned());
        }
    }
    covered
}

/// What arrived is what was signed.
fn assert_as_signed(drawn: &Drawn, sent: &Request, arrived: &Recorded, forward: Forward) {
    let sent_on = match forward {
        Forward::Passthrough => sent.target.clone(),
        Forward::Trusted => sent.target_as_signed(),
    };
    let (path, mut pairs) = parts(&sent_on);
    let mut renamed = None;
    if forward == Forward::Trusted {
        let own = [sent.word.access_key_parameter(), "Expires", "Signature"];
        if drawn.expires.is_some() {
            pairs.retain(|pair| !own.iter().any(|name| pair.starts_with(&format!("{name}="))));
        }
        renamed = Some((Word::Wos.header_prefix(), Word::Aws.header_prefix()));
        assert_eq!(arrived.header("authorization"), None);
        assert_eq!(arrived.header("x-countersign-principal"), Some("alice"));
    } else {
        let authorization = sent
            .headers
            .iter()
            .find(|(name, _)| name == "Authorization");
        assert_eq!(
            arrived.header("authorization"),
            authorization.map(|(_, value)| value.as_str())
        );
    }
    let line = format!("{} {} HTTP/1.1", sent.method, target(&path, &pairs));
    assert_eq!(arrived.head.line, line, "{sent:#?}");
    assert_eq!(arrived.header("host"), Some(sent.headers[0].1.as_str()));
    let mut signed = covered(&sent.headers, renamed);
    if forward == Forward::Trusted {
        for values in signed.values_mut() {
            *values = vec![values.join(",")];
        }
    }
    let arrived_fields = covered(&arrived.head.headers, None);
    assert_eq!(arrived_fields, signed, "{sent:#?}");
    assert_eq!(arrived.body, drawn.content, "{sent:#?}");
}

/// The sum of a metric over the label sets that contain `label`.
fn metric(text: &str, name: &str, label: &str) -> u64 {
    let lines = text
        .lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(label));
    lines
        .map(|line| {
            line.rsplit(' ')
                .next()
                .unwrap_or_default()
                .parse::<u64>()
                .expect("a count")
        })
        .sum()
}

fn through_the_gateway(forward: Forward, cases: u32) {
    let listener = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\ndomains = [\"{DOMAIN}\"]\ncustom_domains = [\"{CUSTOM_DOMAIN}\"]\n"
    );
    let scene = Scene::configured(forward, |config| config.section("listener", &listener));
    // One connection as long as the gateway keeps it, so that a request that is cut wrongly spoils the next one.
    let scene = scene.on_one_connection();
    let mut runner = runner(cases);
    let strategy = (draw::request(unix_time(0)), any::<Index>(), any::<u16>());
    let (mut accepted, mut refused) = (0, 0);
    let exchange = |request: &Request| {
        let response = scene.send(request);
        let id = response
            .header("x-amz-request-id")
            .or(response.header("x-wos-request-id"));
        scene.gateway.await_log(&format!(
            "request_id={}",
            id.expect("every answer has an id")
        ));
        response
    };
    for _ in 0..cases {
        let (drawn, index, pick) = drawn(&mut runner, &strategy);
        let sent = drawn.signed();
        scene.rec.clear();
        let response = exchange(&sent);
        assert_eq!(response.status, 200, "{}\n{sent:#?}", response.text());
        accepted += 1;
        let arrived = scene.rec.requests();
        assert_eq!(arrived.len(), 1, "{sent:#?}");
        assert_as_signed(&drawn, &sent, &arrived[0], forward);

        scene.rec.clear();
        let possible: Vec<(Change, Request)> = Change::ALL
            .iter()
            .filter_map(|change| Some((*change, change.make(&drawn, &sent, pick.into())?)))
            .collect();
        let (change, changed) = index.get(&possible);
        let response = exchange(changed);
        assert!(
            (400..500).contains(&response.status),
            "{change:?}: {}\n{changed:#?}",
            response.status
        );
        if changed.method != "HEAD" {
            assert!(
                response.element("Code").is_some(),
                "{change:?}: {}",
                response.text()
            );
        }
        refused += 1;
        scene.rec.assert_untouched();
    }
    assert!(accepted == u64::from(cases) && refused == accepted);
    let metrics = scene.gateway.admin_get("/metrics").text();
    let requests = |outcome: &str| {
        metric(
            &metrics,
            "countersign_requests_total",
            &format!("outcome=\"{outcome}\""),
        )
    };
    assert_eq!(requests("forwarded"), accepted);
    assert_eq!(requests("refused"), refused);
    assert_eq!(
        metric(&metrics, "countersign_requests_total", ""),
        accepted + refused
    );
    assert_eq!(metric(&metrics, "countersign_refusals_total", ""), refused);
    let (_, log) = scene.gateway.stop();
    let lines = |outcome: &str| log.lines().filter(|line| line.contains(outcome)).count() as u64;
    assert_eq!(lines("outcome=forwarded"), accepted);
    assert_eq!(lines("outcome=refused"), refused);
    assert_eq!(lines("outcome="), accepted + refused);
}

#[test]
fn what_reaches_a_node_is_what_was_signed_passthrough() {
    through_the_gateway(Forward::Passthrough, 200);
}

#[test]
fn what_reaches_a_node_is_what_was_signed_trusted() {
    through_the_gateway(Forward::Trusted, 200);
}
