//! Postfix's policy delegation: a request becomes a question, a verdict an action.

use smtp::policy_delegation::{Action, Request};

use crate::greylist::judge::{Greylist, Verdict};
use crate::greylist::tally;
use crate::greylist::triplet::{Query, Way};

/// The question of a request. `None` where nothing is to be judged: before there is a recipient, and without an address of a
/// client.
pub fn query(request: &Request) -> Option<Query> {
    if request.kind() != "smtpd_access_policy" || !is_at_rcpt(request) {
        return None;
    }
    let client = request.attribute("client_address")?.parse().ok()?;
    // An absent sender is the null sender; an absent recipient is what Postfix sends at DATA with several of them.
    let recipient = request.attribute("recipient")?;
    let mut query = Query::new(Way::Policy, client, request.attribute("sender").unwrap_or_default(), recipient)
        .named(request.attribute("helo_name").unwrap_or_default());
    query.authenticated = request.attribute("sasl_username").is_some();
    Some(query)
}

/// Asked at other moments too, the same delivery would be judged more than once. A client without the attribute, as Exim's
/// configurations have it, asks at RCPT.
fn is_at_rcpt(request: &Request) -> bool {
    request.attribute("protocol_state").is_none_or(|state| state == "RCPT")
}

/// The action of a verdict, as Gross answers.
pub fn action(verdict: &Verdict) -> Action {
    match verdict.action {
        tally::Action::Trust | tally::Action::Match => Action::Dunno,
        tally::Action::Grey => Action::DeferIfPermit(format!("4.4.3 {}", verdict.reason)),
        tally::Action::Block => Action::Reject(format!("5.7.1 {}", verdict.reason)),
    }
}

/// Answers a request: no opinion where nothing is to be judged.
pub async fn answer(greylist: &Greylist, request: &Request) -> Action {
    match query(request) {
        Some(query) => action(&greylist.judge(&query).await),
        None => Action::Dunno,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(state: &str) -> Request {
        Request::new("smtpd_access_policy")
            .with("protocol_state", state)
            .with("client_address", "192.0.2.1")
            .with("helo_name", "far.test")
            .with("sender", "")
            .with("recipient", "b@home.test")
    }

    #[test]
    fn only_recipients_are_judged() {
        let found = query(&request("RCPT")).unwrap();
        assert_eq!((found.sender.as_str(), found.hello.as_str(), found.authenticated), ("", "far.test", false));
        assert!(query(&request("DATA")).is_none());
        assert!(query(&Request::new("junk")).is_none());
        assert!(query(&Request::new("smtpd_access_policy").with("recipient", "b@home.test")).is_none());
        let named = Request::new("smtpd_access_policy").with("recipient", "b@x.test").with("client_address", "unknown");
        assert!(query(&named).is_none());
        assert!(query(&request("RCPT").with("sasl_username", "bob")).unwrap().authenticated);
    }

    #[test]
    fn verdicts_are_actions() {
        let verdict = |action| Verdict { action, reason: "Later.".to_owned(), retry_after: None };
        assert_eq!(action(&verdict(tally::Action::Match)), Action::Dunno);
        assert_eq!(action(&verdict(tally::Action::Grey)), Action::DeferIfPermit("4.4.3 Later.".to_owned()));
        assert_eq!(action(&verdict(tally::Action::Block)), Action::Reject("5.7.1 Later.".to_owned()));
    }
}
