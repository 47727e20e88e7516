//! Which groups hold an address, directly or through other groups.

use crate::entry::Name;
use crate::error::Error;
use crate::limits::DEPTH_MAX;

/// The addresses of the groups among `names` that hold `address`.
pub fn containing(names: &[(String, Name)], address: &str) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = Vec::new();
    let mut wanted = vec![address.to_owned()];
    for _ in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for (group, name) in names {
            if let Name::Group { members, .. } = name
                && !found.contains(group)
                && members.iter().any(|member| wanted.iter().any(|held| held.eq_ignore_ascii_case(member)))
            {
                found.push(group.clone());
                next.push(group.clone());
            }
        }
        if next.is_empty() {
            break;
        }
        wanted = next;
    }
    Ok(found)
}
