//! Which script of an account is active, and which accounts have one.

use crate::error::Error;
use crate::keys::{self, Spaces};
use model::AccountId;
use std::collections::HashSet;
use std::ops::ControlFlow;
use storage::{Partition, Read};

/// The accounts of a partition that have an active script.
pub(crate) fn scripted(partition: &Partition, spaces: Spaces) -> Result<HashSet<AccountId>, Error> {
    let mut found = HashSet::new();
    partition.snapshot()?.each(keys::active_scripts(spaces.mail).range(), &mut |key, _| {
        found.extend(keys::rest(key).and_then(|mut parts| parts.u32()).map(AccountId));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

/// The number of an account's active script.
pub(crate) fn active(reader: &dyn Read, spaces: Spaces, account: AccountId) -> Result<Option<u32>, Error> {
    let Some(row) = reader.get(&keys::active_script(spaces.mail, account))? else { return Ok(None) };
    let octets = row.try_into().map_err(|_| storage::Error::Row("active scripts"))?;
    Ok(Some(u32::from_le_bytes(octets)))
}
