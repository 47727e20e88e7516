//! Greylisting where strangers bring mail: a recipient that would be taken is judged once more, and what our users send
//! makes their correspondents known.

use crate::authentication::results::{Results, Verdict};
use crate::inbound::refusal;
use crate::judge::lookups::Effects;
use meter::greylist::judge::Greylist;
use meter::greylist::tally::Action;
use meter::greylist::triplet::{Query, Way};
use model::Address;
use net::Endpoint;
use smtp::envelope::Envelope;
use smtp::reply::Reply;

/// Judges a delivery by somebody who has not logged in; the reply when the recipient is not taken now. A client without an
/// Internet address is a program on this machine, and trusted.
pub async fn judge(
    greylist: &Greylist,
    peer: Endpoint,
    hello: &str,
    reverse_path: Option<&Address>,
    recipient: &Address,
    effects: Effects,
) -> Option<Reply> {
    let sender = reverse_path.map_or_else(String::new, ToString::to_string);
    let query = Query::new(Way::Inside, peer.ip()?, &sender, &recipient.to_string()).named(hello);
    let verdict = match effects {
        Effects::On => greylist.judge(&query).await,
        Effects::Off => greylist.look(&query).await,
    };
    match verdict.action {
        Action::Trust | Action::Match => None,
        Action::Grey => Some(refusal::greylisted(&verdict.reason)),
        Action::Block => Some(refusal::suspicious(&verdict.reason)),
    }
}

/// Notes to whom a user of ours has written: their answers need not come twice.
pub fn note_contacts(greylist: &Greylist, envelope: &Envelope) {
    let Some(owner) = &envelope.mail_from.reverse_path else { return };
    let owner = owner.to_string();
    for recipient in &envelope.recipients {
        greylist.record_contact(&owner, &recipient.address.to_string());
    }
}

/// Notes from where a domain has proven itself with a message that was taken: its senders need not come twice from there.
pub fn note_proven(greylist: &Greylist, peer: Endpoint, found: &Results) {
    if let (Verdict::Pass, Some(client)) = (found.dmarc.verdict, peer.ip()) {
        greylist.record_proven(&found.dmarc.domain, client);
    }
}
