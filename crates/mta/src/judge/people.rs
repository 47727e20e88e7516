//! What the directory knows.

use directory::directory::Directory;
use directory::entry::Status;
use directory::resolve::Resolution;
use model::Address;
use policy::lookup::{Answer, DirectoryField};

/// Asks the directory.
pub async fn ask(directory: &dyn Directory, field: DirectoryField, key: &str) -> Answer {
    let answered = match field {
        DirectoryField::Domain => match key.parse() {
            Ok(domain) => directory.is_local_domain(&domain).await.map(|is_ours| is_ours.then(String::new)),
            Err(_) => Ok(None),
        },
        DirectoryField::Exists => match key.parse::<Address>() {
            Ok(address) => directory.resolve(&address).await.map(|resolution| {
                let is_there = !matches!(resolution, Resolution::Foreign | Resolution::Unknown);
                is_there.then(String::new)
            }),
            Err(_) => Ok(None),
        },
        DirectoryField::Groups => {
            let groups = directory.groups_of(key).await;
            groups.map(|groups| (!groups.is_empty()).then(|| groups.join(",")))
        }
        DirectoryField::Address | DirectoryField::User | DirectoryField::Status => {
            directory.account_named(key).await.map(|account| {
                account.map(|account| match field {
                    DirectoryField::User => account.address.split('@').next().unwrap_or_default().to_owned(),
                    DirectoryField::Status if account.status == Status::Active => "active".to_owned(),
                    DirectoryField::Status => "inactive".to_owned(),
                    _ => account.address,
                })
            })
        }
    };
    match answered {
        Ok(Some(text)) => Answer::Found(text),
        Ok(None) => Answer::NotFound,
        Err(error) => Answer::Failed(error.to_string()),
    }
}
