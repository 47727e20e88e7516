//! `heliograph domain`, `alias` and `group`.

use std::fmt::Write as _;

use clap::Subcommand;
use directory::entry::Name;
use serde_json::Value;

use crate::commands::dkim::{self, DkimVerb};
use crate::commands::records;
use crate::commands::show::{parse, show};
use crate::context::Context;
use crate::control::client;
use crate::control::request::Request;
use crate::failure::Failure;
use crate::operations::report;
use crate::terminal::confirm;
use crate::verbs::page::Page;
use crate::verbs::people::{PeopleRequest, ShownDomain};

/// What can be done with domains.
#[derive(Debug, Subcommand)]
pub enum DomainVerb {
    /// Make a domain ours: mail for it is taken.
    Add {
        /// Such as example.org.
        domain: String,
    },
    /// List our domains.
    List,
    /// Show a domain with what belongs to it.
    Show {
        /// Such as example.org.
        domain: String,
    },
    /// Say who gets mail for names that a domain does not have.
    CatchAll {
        /// Such as example.org.
        domain: String,
        /// The address that gets it; without one, such mail is refused.
        address: Option<String>,
    },
    /// Print every record that a domain publishes so that its mail is taken, believed and protected.
    Dns {
        /// Such as example.org.
        domain: String,
        /// Ask the name service whether each is there.
        #[arg(long)]
        check: bool,
    },
    /// The keys with which a domain's mail is signed.
    #[command(subcommand)]
    Dkim(DkimVerb),
    /// Give a domain up; it must have no accounts, aliases or groups left.
    Remove {
        /// Such as example.org.
        domain: String,
    },
}

/// What can be done with aliases and groups.
#[derive(Debug, Subcommand)]
pub enum NameVerb {
    /// Make or replace one.
    Set {
        /// Its address.
        address: String,
        /// The addresses behind it.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// List them.
    List(Page),
    /// Show who is behind one.
    Show {
        /// Its address.
        address: String,
    },
    /// Add members.
    AddMember {
        /// Its address.
        address: String,
        /// Who: addresses of ours or of others, groups included.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take members away.
    RemoveMember {
        /// Its address.
        address: String,
        /// Who.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take one away.
    Remove {
        /// Its address.
        address: String,
    },
}

/// `heliograph domain`.
///
/// # Errors
/// Why it was not done.
pub fn domain(verb: DomainVerb, context: &Context) -> Result<(), Failure> {
    match verb {
        DomainVerb::Add { domain } => done(context, PeopleRequest::AddDomain { domain }),
        DomainVerb::Remove { domain } => {
            confirm(context, &format!("Give up the domain {domain}?"))?;
            done(context, PeopleRequest::RemoveDomain { domain })
        }
        DomainVerb::Show { domain } => {
            let report = ask(context, PeopleRequest::ShowDomain { domain })?;
            show(context, report, |domain: ShownDomain| {
                let catch_all = domain.catch_all.as_deref().unwrap_or("nobody");
                format!(
                    "name       {}\ncatch-all  {catch_all}\naccounts   {}\naliases    {}\ngroups     {}\n",
                    domain.name, domain.accounts, domain.aliases, domain.groups
                )
            })
        }
        DomainVerb::CatchAll { domain, address } => done(context, PeopleRequest::SetCatchAll { domain, address }),
        DomainVerb::Dkim(verb) => dkim::run(verb, context),
        DomainVerb::Dns { domain, check } => records::run(domain, check, context),
        DomainVerb::List => {
            let report = ask(context, PeopleRequest::ListDomains)?;
            show(context, report, |names: Vec<String>| names.iter().map(|name| format!("{name}\n")).collect())
        }
    }
}

/// `heliograph alias` and `heliograph group`.
///
/// # Errors
/// Why it was not done.
pub fn names(verb: NameVerb, groups: bool, context: &Context) -> Result<(), Failure> {
    match verb {
        NameVerb::Set { address, members } => {
            let name =
                if groups { Name::Group { title: String::new(), members } } else { Name::Alias { targets: members } };
            done(context, PeopleRequest::SetName { address, name })
        }
        NameVerb::Remove { address } => {
            confirm(context, &format!("Remove {address}?"))?;
            done(context, PeopleRequest::RemoveName { address })
        }
        NameVerb::AddMember { address, members } => {
            done(context, PeopleRequest::ChangeMembers { address, add: members, remove: Vec::new() })
        }
        NameVerb::RemoveMember { address, members } => {
            done(context, PeopleRequest::ChangeMembers { address, add: Vec::new(), remove: members })
        }
        NameVerb::Show { address } => {
            let all: Vec<(String, Name)> = parse(ask(context, PeopleRequest::ListNames { groups })?)?;
            let one = all.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(&address));
            let (_, name) = one.ok_or_else(|| Failure::failed(format!("there is no {address}")))?;
            show(context, report(&members(&name))?, |members: Vec<String>| {
                members.iter().map(|member| format!("{member}\n")).collect()
            })
        }
        NameVerb::List(page) => {
            let all: Vec<(String, Name)> = parse(ask(context, PeopleRequest::ListNames { groups })?)?;
            let all = page.of(all, |(address, _)| address, |(address, _), text| address.contains(text));
            show(context, report(&all)?, |names: Vec<(String, Name)>| {
                let mut text = String::new();
                for (address, name) in names {
                    let _infallible = writeln!(text, "{address:<32} {}", members(&name).join(" "));
                }
                text
            })
        }
    }
}

fn members(name: &Name) -> Vec<String> {
    match name {
        Name::Alias { targets: members } | Name::Group { members, .. } => members.clone(),
        Name::Account { .. } => Vec::new(),
    }
}

fn ask(context: &Context, request: PeopleRequest) -> Result<Value, Failure> {
    client::ask(context, Request::People(request))
}

fn done(context: &Context, request: PeopleRequest) -> Result<(), Failure> {
    ask(context, request).map(|_| ())
}
