//! What operators can ask for: one variant for each noun, performed in `verbs/<noun>.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::operations::{Operations, Tell};
use crate::verbs::account::{self, AccountRequest};
use crate::verbs::authentication::{self, AuthenticationRequest};
use crate::verbs::filter::{self, FilterRequest};
use crate::verbs::greylist::{self, GreylistRequest};
use crate::verbs::mailbox::{self, MailboxRequest};
use crate::verbs::message::{self, MessageRequest};
use crate::verbs::meter::{self, MeterRequest};
use crate::verbs::partition::{self, PartitionRequest};
use crate::verbs::people::{self, PeopleRequest};
use crate::verbs::policy::{self, PolicyRequest};
use crate::verbs::queue::{self, QueueRequest};
use crate::verbs::report::{self, ReportRequest};
use crate::verbs::scripts::{self, ScriptRequest};
use crate::verbs::server::{self, ServerRequest};
use crate::verbs::store::{self, StoreRequest};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// About the server itself.
    Server(ServerRequest),
    /// About domains, accounts, aliases and groups.
    People(PeopleRequest),
    /// About the policy.
    Policy(PolicyRequest),
    /// About keys that sign, and what is published for them.
    Authentication(AuthenticationRequest),
    /// About reports of and to others.
    Report(ReportRequest),
    /// About the queue.
    Queue(QueueRequest),
    /// About one account, or many of them in a file.
    Account(AccountRequest),
    /// About filters.
    Filter(FilterRequest),
    /// About an account's mailboxes.
    Mailbox(MailboxRequest),
    /// About people's Sieve scripts.
    Script(ScriptRequest),
    /// About messages.
    Message(MessageRequest),
    /// About partitions.
    Partition(PartitionRequest),
    /// About the meter.
    Meter(MeterRequest),
    /// About the greylister.
    Greylist(GreylistRequest),
    /// About the store.
    Store(StoreRequest),
}

/// Performs a request and gives its report. May take long and block: not for tokio's own threads.
///
/// # Errors
/// Why it was not done.
pub fn perform(operations: &Operations, request: Request, tell: Tell<'_>) -> Result<Value, Failure> {
    match request {
        Request::Server(request) => server::perform(operations, request),
        Request::People(request) => people::perform(operations, request),
        Request::Policy(request) => policy::perform(operations, request),
        Request::Authentication(request) => authentication::perform(operations, request),
        Request::Report(request) => report::perform(operations, request),
        Request::Queue(request) => queue::perform(operations, request),
        Request::Account(request) => account::perform(operations, request, tell),
        Request::Filter(request) => filter::perform(operations, request),
        Request::Mailbox(request) => mailbox::perform(operations, request),
        Request::Script(request) => scripts::perform(operations, request),
        Request::Message(request) => message::perform(operations, request, tell),
        Request::Partition(request) => partition::perform(operations, request),
        Request::Meter(request) => meter::perform(&operations.services.metering, request),
        Request::Greylist(request) => greylist::perform(&operations.services.greylisting.greylist, request),
        Request::Store(request) => store::perform(operations, request, tell),
    }
}
