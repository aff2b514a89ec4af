//! The connections of one listener: their limits, and which connection is closed at a limit.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::clock::instant;
use crate::metrics::{DroppedConnection, Metrics};
use crate::runtime::options::ConnectionLimits;
use crate::wire::Activity;

/// How many idle connections one scan collects. A scan takes time for each connection, and a full listener needs an idle
/// connection for every new one.
const FOUND_BY_SCAN: usize = 64;
/// After a scan without a result, the next one waits this many times the duration of the scan.
const PAUSE_FACTOR: u32 = 9;
/// The interval between two log lines that a listener is full.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// A client network: an IPv4 address, or the first 64 bits of an IPv6 address, which one customer usually gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[derive(Debug)]
struct Member {
    activity: Arc<Activity>,
    network: Option<Network>,
    /// Aborts the task that serves the connection, which closes it; none until the task is spawned.
    task: Option<AbortHandle>,
}

#[derive(Debug, Default)]
struct Members {
    by_id: HashMap<u64, Member>,
    by_network: BTreeSet<(Network, u64)>,
    last_id: u64,
    /// The idle connections of the latest scan, each with the start of its idle time; the longest idle one is the last.
    longest_idle: Vec<(u64, u64)>,
    /// No scan before this time: the latest one found no idle connection.
    next_scan: Option<Instant>,
    warned: Option<Instant>,
}

/// The connections of one listener.
#[derive(Debug)]
pub struct ConnectionSlots {
    base: Instant,
    /// The most connections that the limit of file descriptors allows.
    ceiling: usize,
    metrics: Metrics,
    members: Mutex<Members>,
}

/// The slot of a connection; dropping it frees the slot.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<ConnectionSlots>,
    id: u64,
    activity: Arc<Activity>,
}

impl Slot {
    /// The state of the connection, idle or busy.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The id of the slot.
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.members().remove(self.id);
    }
}

impl ConnectionSlots {
    /// No connections yet. `ceiling` is the most that the limit of file descriptors allows.
    pub fn new(ceiling: usize, metrics: &Metrics) -> Self {
        Self {
            base: instant(),
            ceiling,
            metrics: metrics.clone(),
            members: Mutex::default(),
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new connection a slot. At a limit, closes the connection that has been idle longest. None where no connection is
    /// idle: then the new one must be closed.
    pub fn enter(
        self: &Arc<Self>,
        limits: &ConnectionLimits,
        peer: Option<IpAddr>,
    ) -> Option<Slot> {
        let network = peer.map(Network::of);
        let now = instant();
        let mut members = self.members();
        if let (Some(network), Some(most)) = (network, limits.per_network) {
            while members.of(network).count() >= most {
                if !members.dismiss_longest_idle_of(network) {
                    self.metrics.connection_dropped(DroppedConnection::Network);
                    return None;
                }
                self.metrics.connection_dropped(DroppedConnection::Idle);
            }
        }
        let most = limits.connections.min(self.ceiling).max(1);
        while members.by_id.len() >= most {
            if members.warning_is_due(now) {
                tracing::warn!(
                    connections = most,
                    "a listener is at max_connections: idle connections are closed to accept new ones, or new ones are closed"
                );
            }
            if !members.dismiss_longest_idle() {
                self.metrics.connection_dropped(DroppedConnection::Full);
                return None;
            }
            self.metrics.connection_dropped(DroppedConnection::Idle);
        }
        let activity = Arc::new(Activity::idle(self.base, now));
        let id = members.add(Member {
            activity: Arc::clone(&activity),
            network,
            task: None,
        });
        Some(Slot {
            slots: Arc::clone(self),
            id,
            activity,
        })
    }

    /// Closes every idle connection. True once no connection is left.
    pub fn dismiss_idle(&self) -> bool {
        let mut members = self.members();
        let idle: Vec<_> = members
            .by_id
            .keys()
            .filter_map(|id| members.idle(*id))
            .collect();
        for (since, id) in idle {
            members.dismiss(since, id);
        }
        members.by_id.is_empty()
    }

    /// Sets the task that serves a connection. No effect if the connection has ended already.
    pub fn served_by(&self, id: u64, task: AbortHandle) {
        if let Some(member) = self.members().by_id.get_mut(&id) {
            member.task = Some(task);
        }
    }
}

impl Members {
    fn add(&mut self, member: Member) -> u64 {
        self.last_id += 1;
        if let Some(network) = member.network {
            self.by_network.insert((network, self.last_id));
        }
        self.by_id.insert(self.last_id, member);
        self.last_id
    }

    fn remove(&mut self, id: u64) -> Option<Member> {
        let member = self.by_id.remove(&id)?;
        if let Some(network) = member.network {
            self.by_network.remove(&(network, id));
        }
        Some(member)
    }

    /// The connections of a network.
    fn of(&self, network: Network) -> impl Iterator<Item = u64> {
        let members = self.by_network.range((network, 0)..=(network, u64::MAX));
        members.map(|(_, id)| *id)
    }

    /// Closes a connection that has been idle since `since`. False if it has ended or begun a request in the meantime.
    fn dismiss(&mut self, since: u64, id: u64) -> bool {
        let dismissed = |member: &Member| member.activity.dismiss(since);
        if !self.by_id.get(&id).is_some_and(dismissed) {
            return false;
        }
        if let Some(Member {
            task: Some(task), ..
        }) = self.remove(id)
        {
            task.abort();
        }
        true
    }

    fn dismiss_longest_idle_of(&mut self, network: Network) -> bool {
        let idle = self.of(network).filter_map(|id| self.idle(id));
        let longest = idle.min();
        longest.is_some_and(|(since, id)| self.dismiss(since, id))
    }

    fn idle(&self, id: u64) -> Option<(u64, u64)> {
        Some((self.by_id.get(&id)?.activity.idle_since()?, id))
    }

    fn dismiss_longest_idle(&mut self) -> bool {
        for scan in [false, true] {
            if scan {
                self.scan();
            }
            while let Some((since, id)) = self.longest_idle.pop() {
                if self.dismiss(since, id) {
                    return true;
                }
            }
        }
        false
    }

    /// Collects the connections that have been idle longest.
    fn scan(&mut self) {
        let begun = instant();
        if self.next_scan.is_some_and(|next| begun < next) {
            return;
        }
        let mut idle: Vec<_> = self.by_id.keys().filter_map(|id| self.idle(*id)).collect();
        if idle.len() > FOUND_BY_SCAN {
            idle.select_nth_unstable(FOUND_BY_SCAN);
            idle.truncate(FOUND_BY_SCAN);
        }
        idle.sort_unstable_by(|one, other| other.cmp(one));
        self.next_scan = idle.is_empty().then(|| {
            let ended = instant();
            ended + (ended - begun) * PAUSE_FACTOR
        });
        self.longest_idle = idle;
    }

    fn warning_is_due(&mut self, now: Instant) -> bool {
        let over = |warned: Instant| now.saturating_duration_since(warned) >= WARN_INTERVAL;
        let is_due = self.warned.is_none_or(over);
        if is_due {
            self.warned = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(connections: usize, per_network: Option<usize>) -> ConnectionLimits {
        ConnectionLimits {
            connections,
            per_network,
        }
    }

    fn slots() -> Arc<ConnectionSlots> {
        Arc::new(ConnectionSlots::new(1000, &Metrics::new()))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn is_there(slot: &Slot) -> bool {
        slot.slots.members().by_id.contains_key(&slot.id)
    }

    #[test]
    fn the_longest_idle_is_closed_first_and_a_busy_one_never() {
        let slots = slots();
        let most = 3 * FOUND_BY_SCAN;
        let limits = limits(most, None);
        let taken: Vec<_> = (0..most)
            .map(|_| slots.enter(&limits, None).unwrap())
            .collect();
        // They become idle again in another order than they connected, and every third one is busy.
        let order: Vec<_> = (0..most).map(|at| (at * 7) % most).collect();
        for (at, slot) in order.iter().enumerate() {
            let nanoseconds = u64::try_from(at).unwrap() + 1;
            let slot = &taken[*slot];
            slot.activity
                .rest(slots.base + Duration::from_nanos(nanoseconds));
            if at % 3 == 0 {
                assert!(slot.activity.begin());
            }
        }
        let mut newcomers = Vec::new();
        for (at, going) in order.iter().enumerate() {
            if at % 3 == 0 {
                continue;
            }
            let newcomer = slots.enter(&limits, None).unwrap();
            assert!(newcomer.activity.begin());
            newcomers.push(newcomer);
            assert!(!is_there(&taken[*going]), "{at}");
            assert!(!taken[*going].activity.begin(), "{at}");
            let left = taken.iter().filter(|slot| is_there(slot)).count();
            assert_eq!(left + newcomers.len(), most);
        }
        assert!(slots.enter(&limits, None).is_none(), "all are busy");
        newcomers.pop();
        assert!(slots.enter(&limits, None).is_some());
    }

    #[test]
    fn each_network_has_its_own_limit() {
        let slots = slots();
        let limits = limits(100, Some(2));
        for (same, other) in [
            (["192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.2"),
            (["2001:db8::1", "2001:db8::ffff:0:0:1"], "2001:db8:0:1::1"),
        ] {
            let [first, second] = same.map(|same| slots.enter(&limits, address(same)).unwrap());
            assert!(first.activity.begin());
            assert!(slots.enter(&limits, address(other)).is_some());
            assert!(is_there(&second));
            let third = slots.enter(&limits, address(same[0])).unwrap();
            assert!(is_there(&first) && !is_there(&second));
            assert!(third.activity.begin());
            assert!(slots.enter(&limits, address(same[1])).is_none());
            assert!(slots.enter(&limits, None).is_some(), "a Unix socket");
        }
        assert!(slots.members().by_id.is_empty());
        assert!(slots.members().by_network.is_empty());
    }

    #[test]
    fn a_lower_limit_holds_from_the_next_connection_on() {
        let slots = slots();
        let taken: Vec<_> = (0..10)
            .map(|_| slots.enter(&limits(10, None), None).unwrap())
            .collect();
        let newcomer = slots.enter(&limits(4, None), None);
        assert_eq!(slots.members().by_id.len(), 4);
        drop((taken, newcomer));
        let few = Arc::new(ConnectionSlots::new(2, &Metrics::new()));
        let _places: Vec<_> = (0..3)
            .map(|_| few.enter(&limits(10, None), None).unwrap())
            .collect();
        assert_eq!(few.members().by_id.len(), 2);
    }
}
