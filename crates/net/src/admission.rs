//! Counting connections: so many in all, so many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use model::network_of;

/// How many connections may be open at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub total: usize,
    /// From one IPv4 address, or one IPv6 network of /64 (what one customer is given).
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    fn default() -> ConnectionLimits {
        ConnectionLimits { total: crate::limits::CONNECTIONS, per_address: crate::limits::CONNECTIONS_PER_ADDRESS }
    }
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// As many are open as may be.
    #[error("too many connections")]
    TooManyInAll,
    /// As many are open from this address as may be.
    #[error("too many connections from your address")]
    TooManyFromAddress,
    /// The program is ending.
    #[error("shutting down")]
    Draining,
}

/// The count. Cheap to clone; listeners may share one.
#[derive(Clone, Debug)]
pub struct Admission {
    limits: ConnectionLimits,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One admitted connection; dropping it makes room.
#[derive(Debug)]
pub struct Admitted {
    counts: Arc<Mutex<Counts>>,
    address: Option<IpAddr>,
}

impl Admission {
    /// Nobody is here yet.
    pub fn new(limits: ConnectionLimits) -> Admission {
        Admission { limits, counts: Arc::default() }
    }

    /// Lets one more in. Peers without an address (Unix sockets) count in the total only.
    ///
    /// # Errors
    /// [`Refused`] says which limit was reached.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<Admitted, Refused> {
        let address = address.map(customer);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= self.limits.total {
            return Err(Refused::TooManyInAll);
        }
        if let Some(address) = address {
            let from_address = counts.by_address.entry(address).or_default();
            if *from_address >= self.limits.per_address {
                return Err(Refused::TooManyFromAddress);
            }
            *from_address += 1;
        }
        counts.total += 1;
        Ok(Admitted { counts: Arc::clone(&self.counts), address })
    }

    /// How many are here.
    pub fn total(&self) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total = counts.total.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(from_address) = counts.by_address.get_mut(&address) {
            *from_address = from_address.saturating_sub(1);
            if *from_address == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// The address by which a customer is counted.
fn customer(address: IpAddr) -> IpAddr {
    network_of(address, 32, 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_and_are_given_back() {
        let admission = Admission::new(ConnectionLimits { total: 3, per_address: 2 });
        let here = |text: &str| admission.admit(Some(text.parse().unwrap()));
        let first = here("192.0.2.1").unwrap();
        let _second = here("::ffff:192.0.2.1").unwrap();
        assert_eq!(here("192.0.2.1").unwrap_err(), Refused::TooManyFromAddress);
        let _third = here("192.0.2.2").unwrap();
        assert_eq!(here("192.0.2.3").unwrap_err(), Refused::TooManyInAll);
        drop(first);
        assert_eq!(admission.total(), 2);
        let _again = here("192.0.2.1").unwrap();
    }

    #[test]
    fn a_customer_of_ipv6_is_a_network() {
        let admission = Admission::new(ConnectionLimits { total: 9, per_address: 1 });
        let _first = admission.admit(Some("2001:db8::1".parse().unwrap())).unwrap();
        assert!(admission.admit(Some("2001:db8::ffff:2".parse().unwrap())).is_err());
        assert!(admission.admit(Some("2001:db8:0:1::1".parse().unwrap())).is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_those_who_left() {
        let admission = Admission::new(ConnectionLimits::default());
        drop(admission.admit(Some("192.0.2.1".parse().unwrap())).unwrap());
        assert!(admission.counts.lock().unwrap().by_address.is_empty());
    }
}
