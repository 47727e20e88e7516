//! What operators' requests are performed with.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compose::Services;
use crate::failure::Failure;
use crate::serve::running::Running;
use crate::settings::Settings;

/// What requests are performed with.
pub struct Operations {
    /// The services, of the running server or opened for one command.
    pub services: Services,
    /// The running server, if there is one.
    pub running: Option<Arc<Running>>,
    /// The settings at the start; a running server knows those of now.
    pub settings: Arc<Settings>,
}

/// How far a request has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is being done.
    pub what: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, if that is known.
    pub total: Option<u64>,
}

/// Is told how far a long request has come.
pub type Tell<'a> = &'a mut dyn FnMut(Progress);

/// What was done or found, as it goes to who asked.
///
/// # Errors
/// It cannot be written down.
pub fn report(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::failed("cannot report").because(error))
}
