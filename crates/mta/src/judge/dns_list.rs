//! Lists and names from the name service.

use net::{DnsError, Resolver};
use policy::lookup::Answer;
use std::net::IpAddr;

/// Names of an address that are looked up again.
const NAMES_MAX: usize = 4;

/// Whether an address or a name stands on a list: it has an address of 127.0.0.0/8 there (RFC 5782 §2.1, §2.4, §2.2).
/// The answer is that address, which tells why.
pub async fn ask(resolver: &dyn Resolver, zone: &str, subject: &str) -> Answer {
    let name = match subject.parse::<IpAddr>() {
        Ok(address) => format!("{}.{zone}", reversed(address.to_canonical())),
        Err(_) if is_name(subject) => format!("{subject}.{zone}"),
        Err(_) => return Answer::NotFound,
    };
    match resolver.addresses(&name).await {
        Ok(found) => {
            // Other addresses come from lists that have been given up and answer everything.
            let listed =
                found.iter().map(|host| host.ip).find(|ip| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 127));
            listed.map_or(Answer::NotFound, |ip| Answer::Found(ip.to_string()))
        }
        Err(DnsError::NoSuchName { .. } | DnsError::NoRecords { .. } | DnsError::NotAName { .. }) => Answer::NotFound,
        Err(error @ DnsError::Temporary { .. }) => Answer::Failed(error.to_string()),
    }
}

/// The name of an address that leads back to it.
pub async fn host_name(resolver: &dyn Resolver, address: IpAddr) -> Answer {
    let names = match resolver.ptr(address).await {
        Ok(names) => names,
        Err(error) if error.is_temporary() => return Answer::Failed(error.to_string()),
        Err(_) => return Answer::NotFound,
    };
    let mut away = None;
    for name in names.iter().take(NAMES_MAX) {
        match resolver.addresses(name).await {
            Ok(found) if found.iter().any(|host| host.ip.to_canonical() == address) => {
                return Answer::Found(name.trim_end_matches('.').to_owned());
            }
            Err(error) if error.is_temporary() => away = Some(error.to_string()),
            Ok(_) | Err(_) => {}
        }
    }
    away.map_or(Answer::NotFound, Answer::Failed)
}

fn is_name(text: &str) -> bool {
    let is_fit = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= 200 && text.bytes().all(is_fit)
}

/// `192.0.2.99` is asked as `99.2.0.192`, an IPv6 address by its half octets (RFC 5782 §2.4).
fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(address) => {
            let halves = address.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            halves.map(|half| format!("{half:x}")).collect::<Vec<_>>().join(".")
        }
    }
}
