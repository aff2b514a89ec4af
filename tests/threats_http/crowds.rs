//! L7, L10: more connections than there is room for, and many at once.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::{Forward, Scene, get, signed};
use support::rec::{Answer, Rec};
use support::signer::Word;
use support::wire::{Connection, SAFETY_NET};

/// More than a gateway with so few descriptors has room for.
const STRANGERS: usize = 360;
const DESCRIPTORS: usize = 256;

fn dropped(reason: &str, count: usize) -> String {
    format!("countersign_connections_dropped_total{{reason=\"{reason}\"}} {count}\n")
}

/// A connection that has sent the header of an upload and half of its body.
fn in_the_middle(scene: &Scene, heads: usize) -> Connection {
    let mut connection = scene.gateway.connect();
    let upload = signed(Word::Aws, "PUT", "/bucket01/key").header("Content-Length", "10");
    connection.send([&upload.bytes()[..], b"hello"].concat());
    scene.rec.await_heads(heads);
    connection
}

#[test]
fn l7_strangers_lock_nobody_out() {
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
        config.descriptors(DESCRIPTORS)
    });
    scene.gateway.await_log("raise the hard limit");
    let mut busy = in_the_middle(&scene, 1);
    let mut strangers: Vec<_> = (0..STRANGERS).map(|_| scene.gateway.connect()).collect();
    // Each has a connection to the node too, in the middle of a request.
    let mut uploads: Vec<_> = (0..20).map(|at| in_the_middle(&scene, at + 2)).collect();
    assert_eq!(scene.gateway.exchange(&get()).status, 200);
    assert_eq!(scene.gateway.admin_get("/healthz").status, 200);
    assert!(strangers[0].closes());
    assert_eq!(strangers[STRANGERS - 1].exchange(&get()).status, 200);
    uploads.push(busy);
    for mut upload in uploads {
        upload.send("world");
        assert_eq!(upload.receive().status, 200);
    }
    busy = scene.gateway.connect();
    assert_eq!(busy.exchange(&get()).status, 200);
    assert!(!scene.gateway.log().contains("could not be accepted"));
    assert!(!scene.gateway.log().contains("a node failed"));
}

#[test]
fn l7_the_longest_idle_goes_and_never_one_in_a_request() {
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
        config.line("listener", "max_connections = 3")
    });
    let mut used = scene.gateway.connect();
    assert_eq!(used.exchange(&get()).status, 200);
    let mut fresh = scene.gateway.connect();
    assert_eq!(fresh.exchange(&get()).status, 200);
    // The first one was idle for longer until it did something.
    assert_eq!(used.exchange(&get()).status, 200);
    let mut busy = vec![in_the_middle(&scene, 4)];
    scene.gateway.await_metric("countersign_connections 3\n");
    busy.push(in_the_middle(&scene, 5));
    assert!(fresh.closes());
    scene.gateway.await_metric(&dropped("idle", 1));
    busy.push(in_the_middle(&scene, 6));
    assert!(used.closes());
    scene.gateway.await_metric(&dropped("idle", 2));
    assert!(scene.gateway.connect().closes(), "all are busy");
    scene.gateway.await_metric(&dropped("full", 1));
    for mut connection in busy {
        connection.send("world");
        assert_eq!(connection.receive().status, 200);
    }
    scene.still_serves();
}

#[test]
fn l7_a_network_is_limited_by_itself() {
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
        config.line("listener", "max_connections_per_network = 2")
    });
    let from = |host: u8| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let local = SocketAddr::from(([127, 0, 0, host], 0));
        socket.bind(&local.into()).expect("all of 127/8 is local");
        let address: SocketAddr = scene.gateway.address().parse().expect("an address");
        socket.connect(&address.into()).expect("it accepts");
        let stream = TcpStream::from(socket);
        let patience = Some(SAFETY_NET);
        stream.set_read_timeout(patience).expect("above zero");
        stream
    };
    let mut own: Vec<_> = (0..2).map(|_| from(2)).collect();
    let others: Vec<_> = (3..6).map(from).collect();
    scene.gateway.await_metric("countersign_connections 5\n");
    let third = from(2);
    assert_eq!(own[0].read(&mut [0]).expect("an end"), 0);
    scene.gateway.await_metric(&dropped("idle", 1));
    drop((own, third, others));
    scene.gateway.await_metric("countersign_connections 0\n");
    let _busy: Vec<_> = (1..=2).map(|heads| in_the_middle(&scene, heads)).collect();
    assert!(scene.gateway.connect().closes(), "127.0.0.1 has two");
    scene.gateway.await_metric(&dropped("network", 1));
    drop(from(2));
}

/// The system completes connections that the gateway has not taken yet.
#[test]
fn l10_a_thousand_connections_at_once_are_not_reset() {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux");
    let most: usize = most.trim().parse().expect("a number");
    let (soft, _hard) = raise_descriptors();
    let count = 1000.min(most).min(soft.saturating_sub(100));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("s3.sock");
    let unix = format!("\n[[listener]]\naddress = \"unix:{}\"", path.display());
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
        config.line("listener", &unix)
    });
    let address: SocketAddr = scene.gateway.address().parse().expect("an address");
    scene.gateway.signal("STOP");
    let connected: Vec<_> = (0..count)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(10)))
        .collect();
    let connected: Vec<_> = connected.into_iter().flatten().collect();
    let local: Vec<_> = (0..count / 10 * 2)
        .map(|_| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
            // One that cannot be connected at once is told so.
            socket.set_nonblocking(true).expect("a socket");
            let connected = socket.connect(&SockAddr::unix(&path).expect("a path"));
            connected.map(|()| UnixStream::from(std::os::fd::OwnedFd::from(socket)))
        })
        .collect();
    scene.gateway.signal("CONT");
    assert_eq!(connected.len(), count, "not all of them connected");
    assert!(local.iter().all(Result::is_ok), "the Unix socket");
    let served = thread::scope(|scope| {
        let serving: Vec<_> = connected
            .chunks(100)
            .map(|some| scope.spawn(|| some.iter().filter(|stream| is_served(stream)).count()))
            .collect();
        let served = serving.into_iter().map(|some| some.join());
        served.map(|some| some.expect("no panic")).sum::<usize>()
    });
    assert_eq!(served, count);
}

fn is_served(mut stream: &TcpStream) -> bool {
    use std::io::Write;
    let patience = Some(SAFETY_NET);
    stream.set_read_timeout(patience).expect("above zero");
    let mut answer = [0; 12];
    stream.write_all(&get().bytes()).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && &answer == b"HTTP/1.1 200"
}

/// Lets this process have as many descriptors as the system gives it: soft and hard limit from now on.
fn raise_descriptors() -> (usize, usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit");
    let hard = hard.map_or(usize::MAX, |hard| {
        usize::try_from(hard).unwrap_or(usize::MAX)
    });
    (hard, hard)
}
