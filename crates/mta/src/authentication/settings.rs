//! What the operator chooses about authentication.

use crate::authentication::sts::Policy;
use model::{Address, Domain, Network};

/// What is done about a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// It is written down, and nothing else.
    #[default]
    Monitor,
    /// Its owner's wish is done.
    Enforce,
}

/// How mail is authenticated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This server's name.
    pub host: String,
    /// Our name in Authentication-Results fields.
    pub service: String,
    /// Whether mail that comes in is checked at all.
    pub check: bool,
    /// Who is not checked: relays of ours.
    pub trusted: Vec<Network>,
    /// Whether `-all` refuses.
    pub spf: Strictness,
    /// Whether `p=reject` refuses and `p=quarantine` files into Junk.
    pub dmarc: Strictness,
    /// Domains whose ARC seals are believed: what they pass on is not refused for DMARC.
    pub sealers: Vec<String>,
    /// Whether mail of ours is signed by those domains that have keys.
    pub sign: bool,
    /// Whose key seals mail that we pass on; nobody's when there is none.
    pub seal: Option<Domain>,
    /// The domain of rewritten senders of mail that we forward; without one they stay as they are.
    pub rewrite: Option<Domain>,
    /// Whether MTA-STS policies of others are followed.
    pub mta_sts: bool,
    /// The MTA-STS policy of our own domains, if they publish one.
    pub publish: Option<Policy>,
    /// Whether TLSA records of others are followed.
    pub dane: bool,
    /// From which address reports to others go; without one none are collected or sent.
    pub report_from: Option<Address>,
    /// Who we are, in reports.
    pub organisation: String,
    /// Addresses of ours to which others send reports.
    pub report_to: Vec<Address>,
}

impl Settings {
    /// Defaults for a host of this name.
    pub fn new(host: &str) -> Settings {
        Settings {
            host: host.to_owned(),
            service: host.to_owned(),
            check: true,
            trusted: Vec::new(),
            spf: Strictness::Monitor,
            dmarc: Strictness::Monitor,
            sealers: Vec::new(),
            sign: true,
            seal: None,
            rewrite: None,
            mta_sts: true,
            publish: None,
            dane: true,
            report_from: None,
            organisation: host.to_owned(),
            report_to: Vec::new(),
        }
    }
}
