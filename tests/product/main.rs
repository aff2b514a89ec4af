//! Every way to sign × every operation × every payload mode, right and broken, against a small model.
//!
//! Each combination is one request on a socket, to a gateway of its own with a recording node behind it. The model says what
//! the client is told and what the node gets; both are compared for each of them.

mod body;
mod combination;
mod forms;
mod model;
mod operations;
mod requests;
mod resigned;
mod run;
mod v4;

use std::collections::{BTreeMap, BTreeSet};

use combination::{Combination, Damage, Flaw, Kind};
use model::{Node, Verdict};
use run::Forward;

/// Every code of the model.
#[rustfmt::skip]
const CODES: [&str; 22] = [
    "AccessDenied", "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError", "BadDigest", "EntityTooLarge",
    "EntityTooSmall", "ExpiredToken", "IncompleteBody", "InvalidAccessKeyId", "InvalidArgument", "InvalidChunkSizeError",
    "InvalidDigest", "InvalidPolicyDocument", "InvalidRequest", "InvalidToken", "MalformedTrailerError", "MethodNotAllowed",
    "MissingContentLength", "NotImplemented", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch",
];
/// The least that the product consists of.
const AT_LEAST: usize = 10_000;
/// Of the product, one in so many is sent through another forward mode too. A prime, so that it falls in step with nothing.
const STRIDE: usize = 11;

fn sample(offset: usize) -> Vec<Combination> {
    combination::all()
        .into_iter()
        .skip(offset)
        .step_by(STRIDE)
        .collect()
}

#[test]
fn every_verdict_occurs_and_every_way_to_break_a_request() {
    let all = combination::all();
    assert!(all.len() >= AT_LEAST, "{}", all.len());
    let every = [combination::all(), combination::forms()].concat();
    let verdicts: BTreeMap<Verdict, usize> =
        every.iter().fold(BTreeMap::new(), |mut counts, own| {
            *counts.entry(model::verdict(own)).or_default() += 1;
            counts
        });
    for (verdict, count) in &verdicts {
        println!("{count:6} {verdict:?}");
    }
    let codes: BTreeSet<&str> = verdicts.keys().filter_map(|own| own.code).collect();
    assert_eq!(codes, BTreeSet::from(CODES));
    for node in [Node::Nothing, Node::NothingComplete, Node::Plain] {
        assert!(verdicts.keys().any(|own| own.node == node), "{node:?}");
    }
    // Every flaw and every damage is once all that is wrong.
    let alone: BTreeSet<_> = every
        .iter()
        .map(|own| (own.kind, own.flaw, own.payload))
        .collect();
    for kind in Kind::OF_THE_HEAD.into_iter().chain(Kind::FORMS) {
        for flaw in Flaw::of(kind) {
            let found = alone
                .iter()
                .any(|own| (own.0, own.1, own.2.damage) == (kind, flaw, Damage::None));
            assert!(found, "{kind:?} {flaw:?}");
        }
    }
    let damages: BTreeSet<Damage> = alone
        .iter()
        .filter(|own| own.1 == Flaw::None)
        .map(|own| own.2.damage)
        .collect();
    let of_all: BTreeSet<Damage> = alone.iter().map(|own| own.2.damage).collect();
    assert_eq!(damages, of_all);
}

#[test]
fn each_combination_is_answered_as_the_model_says() {
    run::all(Forward::Trusted, combination::all());
}

#[test]
fn a_sample_is_answered_as_the_model_says_where_nodes_verify() {
    run::all(Forward::Passthrough, sample(0));
}

#[test]
fn a_sample_is_answered_as_the_model_says_and_signed_anew_with_version_4() {
    run::all(Forward::ResignV4, sample(3));
}

#[test]
fn a_sample_is_answered_as_the_model_says_and_signed_anew_with_version_2() {
    run::all(Forward::ResignV2, sample(7));
}

#[test]
fn each_form_is_answered_as_the_model_says_in_every_mode() {
    for forward in [
        Forward::Trusted,
        Forward::ResignV4,
        Forward::ResignV2,
        Forward::Passthrough,
    ] {
        run::all(forward, combination::forms());
    }
}
