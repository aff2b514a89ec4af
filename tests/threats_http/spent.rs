//! L1, case by case: which connections to a node serve another request. The node numbers them, and a gateway with one thread
//! takes the one that was used last, so that the number of the next request says what became of it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::{Word, get, signed};
use support::gateway::{Config, Gateway};
use support::peer::{Peer, node};
use support::signer::Request;
use support::wire::{Framing, SAFETY_NET};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// What the node does with the request that is tried.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Reads all of it, answers, and goes on.
    Answers(&'static str),
    /// Answers behind its head and then reads the body.
    AnswersEarly(&'static str),
    /// Answers behind its head and reads nothing more.
    ReadsNothing(&'static str),
    /// Reads all of it, answers a part, and goes.
    Breaks(&'static str),
}

/// The node, to which any request for another key than `tried` is a probe.
struct Play {
    act: Mutex<Act>,
    /// The connections of the probes.
    probes: Mutex<Sender<usize>>,
    /// What a node that reads nothing more waits for.
    leave: Mutex<Receiver<()>>,
}

impl Play {
    fn serve(&self, mut peer: Peer) {
        while let Some(head) = peer.head() {
            let framing = head.framing(Framing::None);
            let act = match head.line.contains("/tried") {
                true => *self.act.lock().unwrap(),
                false => {
                    self.probes.lock().unwrap().send(peer.number).unwrap();
                    Act::Answers(HELLO)
                }
            };
            let (answer, early) = match act {
                Act::Answers(answer) | Act::Breaks(answer) => (answer, false),
                Act::AnswersEarly(answer) | Act::ReadsNothing(answer) => (answer, true),
            };
            if early {
                peer.send(answer);
            }
            if let Act::ReadsNothing(_) = act {
                return self.leave.lock().unwrap().recv().unwrap();
            }
            if peer.body(framing).is_none() {
                return;
            }
            if !early {
                peer.send(answer);
            }
            if let Act::Breaks(_) = act {
                return;
            }
        }
    }
}

fn tried(method: &str) -> Request {
    let request = signed(Word::Aws, method, "/bucket01/tried");
    match method {
        "PUT" => request.body("hello"),
        _ => request,
    }
}

#[test]
fn l1_a_connection_serves_on_only_behind_what_has_ended_cleanly() {
    use Act::{Answers, AnswersEarly, Breaks, ReadsNothing};
    let ((tell, probes), (leave, left)) = (mpsc::channel(), mpsc::channel());
    let play = Arc::new(Play {
        act: Mutex::new(Answers(HELLO)),
        probes: Mutex::new(tell),
        leave: Mutex::new(left),
    });
    let serving = Arc::clone(&play);
    let address = node(move |peer| serving.serve(peer));
    let gateway = Gateway::start(&Config::new(&address));
    let next = || {
        let response = gateway.exchange(&get());
        assert_eq!((response.status, response.text().as_str()), (200, "hello"));
        probes.recv_timeout(SAFETY_NET).expect("a probe")
    };
    let ok = "HTTP/1.1 200 OK\r\n";
    let mut count = [0, 0];
    let mut judge = |request: Request, does: Act, goes_on: bool| {
        let before = next();
        *play.act.lock().unwrap() = does;
        let mut client = gateway.connect();
        client.send(request.bytes());
        // Whatever it is, and be it a part.
        let _answer = client.try_receive(&request.method);
        // The request has ended altogether.
        gateway.await_metric("countersign_requests_in_flight 0\n");
        let after = next();
        let case = format!("{} {does:?}", request.method);
        assert_eq!(after == before, goes_on, "{case}: {before}, then {after}");
        assert!(after <= before + 1, "{case}: {before}, then {after}");
        count[usize::from(goes_on)] += 1;
    };
    for method in ["GET", "PUT", "DELETE"] {
        for answer in [
            HELLO,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 500 X\r\nContent-Type: text/xml\r\nContent-Length: 8\r\n\r\n<Error/>",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            judge(tried(method), Answers(answer), true);
        }
        for answer in [
            // It says so.
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            // Bytes behind the answer.
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nx",
            "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\nhello",
            // A body where there can be none.
            "HTTP/1.1 204 No Content\r\n\r\nhello",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
            // No answers, or none that can be read on.
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
        ] {
            judge(tried(method), Answers(answer), false);
        }
        for (fields, part) in [
            ("Content-Length: 5\r\n", "hell"),
            ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
            ("", "hello"),
        ] {
            let answer = format!("{ok}{fields}\r\n{part}");
            judge(tried(method), Breaks(answer.leak()), false);
        }
    }
    // The answer to HEAD is a head.
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    judge(tried("HEAD"), Answers(head), true);
    judge(tried("HEAD"), Answers(HELLO), false);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    judge(tried("HEAD"), Answers(chunked), false);
    assert_eq!(count, [3 * 18 + 2, 3 * 7 + 1]);

    // An answer ahead of the end of a body, which the node then reads, or never; and which comes, or not.
    let bytes = signed(Word::Aws, "PUT", "/bucket01/tried").body(vec![b'x'; 200_000]);
    let bytes = bytes.bytes();
    let (start, rest) = bytes.split_at(bytes.len() / 2);
    for answer in [HELLO, "HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"] {
        for does in [AnswersEarly(answer), ReadsNothing(answer)] {
            for comes in [false, true] {
                let before = next();
                *play.act.lock().unwrap() = does;
                let mut client = gateway.connect();
                client.send(start);
                assert!(matches!(client.receive().status, 200 | 403));
                if comes {
                    client.send(rest);
                    assert!(client.closes(), "{does:?}");
                }
                drop(client);
                gateway.await_metric("countersign_requests_in_flight 0\n");
                assert_eq!(next(), before + 1, "{does:?}");
                if let ReadsNothing(_) = does {
                    leave.send(()).expect("it waits");
                }
            }
        }
    }
}

/// The number of connections to a node that wait is that of the configuration, and it may be none.
#[test]
fn l1_as_many_connections_wait_as_the_configuration_says() {
    for (keep, kept) in [(0, 0), (1, 1), (3, 3), (100, 4)] {
        let crowd = 4;
        let begun = std::sync::Barrier::new(crowd);
        let (tell, ends) = mpsc::channel();
        let (say, said) = mpsc::channel();
        let (tell, say) = (Mutex::new(tell), Mutex::new(say));
        let address = node(move |mut peer| {
            while let Some((head, _)) = peer.request() {
                say.lock().unwrap().send(peer.number).unwrap();
                if head.line.contains("/crowd") {
                    // None is answered before all are there, so that each has a connection of its own.
                    begun.wait();
                }
                peer.send(HELLO);
            }
            tell.lock().unwrap().send(peer.number).unwrap();
        });
        let lines = format!("upstream_keepalive = {keep}");
        let gateway = Gateway::start(&Config::new(&address).line("cluster", &lines));
        let mut clients: Vec<_> = (0..crowd).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send(signed(Word::Aws, "GET", "/bucket01/crowd").bytes());
        }
        for client in &mut clients {
            assert_eq!(client.receive().text(), "hello");
        }
        let came: Vec<usize> = said.iter().take(crowd).collect();
        assert_eq!(came.iter().max(), Some(&(crowd - 1)));
        let mut ended: Vec<usize> = (kept..crowd)
            .map(|_| ends.recv_timeout(SAFETY_NET).expect("an end"))
            .collect();
        // The next ones, one after the other, have one that waits or each its own.
        for turn in 0..5 {
            assert_eq!(clients[0].exchange(&get()).text(), "hello");
            let number = said.recv_timeout(SAFETY_NET).expect("a request");
            assert!(!ended.contains(&number), "{keep}: {number} had ended");
            match kept {
                0 => {
                    assert_eq!(number, crowd + turn, "{keep}");
                    ended.push(ends.recv_timeout(SAFETY_NET).expect("an end"));
                }
                _ => assert!(number < crowd, "{keep}: {number}"),
            }
        }
        assert!(ends.try_recv().is_err(), "{keep}: more have ended");
        gateway.await_metric("countersign_requests_in_flight 0\n");
    }
}
