//! What is decided at RCPT TO: who gets the mail, or why it is refused.

use crate::authentication::srs::{NotOurs, Rewriter};
use crate::delivery::routing::rule_of;
use crate::delivery::target::quota;
use crate::inbound::refusal;
use crate::inbound::service::Service;
use account::owner::Owner;
use directory::resolve::{LocalTarget, Resolution};
use model::{Address, TraceId};
use queue::entry::{Channel, Route};
use queue::queue::can_carry;
use smtp::reply::Reply;

/// A recipient that was accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The address as the client gave it.
    pub address: Address,
    /// The accounts behind it.
    pub targets: Vec<LocalTarget>,
    /// Its way through the queue, when not all of it can be filed at once.
    pub route: Option<Route>,
    /// Sieve fragments of the administrators and the filters for this recipient alone; they run before the owner's own
    /// script, in this order.
    pub instructions: Vec<String>,
    /// Whether nobody gets it, whatever later stages make of its way.
    is_discarded: bool,
}

impl Accepted {
    /// One who has it filed for these accounts.
    pub fn filed(address: Address, targets: Vec<LocalTarget>) -> Accepted {
        Accepted { address, targets, route: None, instructions: Vec::new(), is_discarded: false }
    }

    /// One who has it by way of the queue.
    pub fn routed(address: Address, route: Route) -> Accepted {
        Accepted { route: Some(route), ..Accepted::filed(address, Vec::new()) }
    }

    /// Whether nobody gets it: the policy discards it.
    pub fn is_nobody(&self) -> bool {
        self.is_discarded
    }

    /// Makes it so that nobody gets it.
    pub fn discard(&mut self) {
        self.is_discarded = true;
        self.targets = Vec::new();
        self.route = None;
    }

    /// Has a script run before the owner's own. `false` when it can carry no more of them.
    pub fn instruct(&mut self, script: &str) -> bool {
        self.instructions.push(script.to_owned());
        let can_carry = can_carry(&self.instructions);
        if !can_carry {
            self.instructions.pop();
        }
        can_carry
    }

    /// Whether some of its mail leaves this server, or waits for an operator: no script of ours runs for that.
    pub fn leaves(&self) -> bool {
        !self.is_discarded && (self.targets.is_empty() || !self.comes_home())
    }

    /// Whether scripts run for what is filed here of its mail, now or when the queue has found where that is.
    pub fn comes_home(&self) -> bool {
        let route = self.route.as_ref().map(|route| route.channel);
        !self.is_discarded && !matches!(route, Some(Channel::Smtp | Channel::Lmtp | Channel::Named(_) | Channel::Held))
    }

    /// Whether it stays in the queue until an operator releases it.
    pub fn is_held(&self) -> bool {
        self.route.as_ref().is_some_and(|route| route.channel == Channel::Held)
    }

    /// Keeps it in Junk, unless the owner's own script says where it goes.
    pub fn put_into_junk(&mut self) {
        self.instructions.push("require \"vnd.heliograph.system\"; junk;".to_owned());
    }

    /// Keeps it in the queue until an operator releases it.
    pub fn hold(&mut self) {
        self.targets = Vec::new();
        self.route = Some(self.route.take().unwrap_or_else(at_home_route).held());
    }
}

/// Judges a recipient. `octets` is what the client announced, `may_relay` whether it has logged in.
pub async fn judge(
    service: &Service,
    trace: TraceId,
    address: &Address,
    octets: u64,
    may_relay: bool,
) -> Result<Accepted, Reply> {
    if let Some(judged) = rewritten(service, address) {
        return judged;
    }
    let resolved = async {
        let address = at_home(service, address).await?;
        let resolution = service.parts.directory.resolve(&address).await?;
        Ok((address, resolution))
    };
    let (address, resolution) = match resolved.await {
        Ok(resolved) => resolved,
        Err(error) => {
            service.signals.directory_away(trace, &error);
            return Err(refusal::directory_away());
        }
    };
    let targets = match resolution {
        Resolution::Expanded { local, remote } if remote.is_empty() => local,
        // Some of those behind the address are elsewhere: the queue takes them apart.
        Resolution::Expanded { .. } => {
            return Ok(Accepted::routed(address, at_home_route()));
        }
        Resolution::Foreign if may_relay => {
            let route = rule_of(&service.parts.rules, &address.domain).route(&address.domain);
            return Ok(Accepted::routed(address, route));
        }
        Resolution::Foreign => return Err(refusal::relay_denied()),
        Resolution::Unknown => return Err(refusal::no_such_user()),
        Resolution::Suspended => return Err(refusal::suspended()),
        Resolution::Loop => return Err(refusal::alias_loop()),
    };
    with_room(service, trace, targets, octets).map(|targets| Accepted::filed(address, targets))
}

/// A failure that comes back to a sender whom we rewrote: it goes on to the real one.
fn rewritten(service: &Service, address: &Address) -> Option<Result<Accepted, Reply>> {
    let authentication = &service.parts.authentication;
    let rewriter = authentication.rewriter()?;
    let local = address.local.as_str();
    if !address.domain.as_str().eq_ignore_ascii_case(rewriter.domain()) || !Rewriter::is_rewritten(local) {
        return None;
    }
    let reversed = match rewriter.reverse(local, authentication.now_secs()) {
        Ok(reversed) => reversed.parse::<Address>().map_err(|_| NotOurs::Form),
        Err(why) => Err(why),
    };
    Some(reversed.map_err(refusal::not_rewritten).map(|address| {
        let route = rule_of(&service.parts.rules, &address.domain).route(&address.domain);
        Accepted::routed(address, route)
    }))
}

/// The way of an address of ours through the queue: it is looked up again when its turn comes.
pub fn at_home_route() -> Route {
    Route::new(Channel::Process, "")
}

/// Those of the accounts that have room now. A member of a group who has none is passed over, counted and logged; when
/// nobody has, the recipient is refused.
fn with_room(
    service: &Service,
    trace: TraceId,
    targets: Vec<LocalTarget>,
    octets: u64,
) -> Result<Vec<LocalTarget>, Reply> {
    let mut kept = Vec::with_capacity(targets.len());
    for target in targets {
        let owner = Owner::new(target.account.account_id(), target.account.partition.clone());
        match service.parts.mail.has_room(&owner, quota(&target), octets) {
            Ok(true) => kept.push(target),
            Ok(false) => service.signals.no_room(trace, &target.account.address),
            Err(error) => {
                service.signals.store_failed(trace, &error);
                return Err(refusal::store_away(&error));
            }
        }
    }
    if kept.is_empty() { Err(refusal::over_quota()) } else { Ok(kept) }
}

/// The postmaster without a domain is that of this server (RFC 5321 §4.5.1): of its name, or of the domain of ours that the
/// name lies in.
async fn at_home(service: &Service, address: &Address) -> Result<Address, directory::error::Error> {
    let mut address = address.clone();
    if address.domain.as_str() != smtp::command::OWN_DOMAIN {
        return Ok(address);
    }
    let mut name = service.settings.host.as_str();
    if let Ok(host) = name.parse() {
        address.domain = host;
    }
    loop {
        if let Ok(domain) = name.parse()
            && service.parts.directory.is_local_domain(&domain).await?
        {
            address.domain = domain;
            return Ok(address);
        }
        let Some((_, parent)) = name.split_once('.') else { return Ok(address) };
        name = parent;
    }
}
