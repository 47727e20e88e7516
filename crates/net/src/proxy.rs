//! The PROXY protocol, versions 1 and 2, as HAProxy's specification (2020/03/05) has it: a proxy in front of us says
//! for whom it speaks. Heeded from trusted peers only, and then required.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::limits;

/// What a header said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxied {
    /// The proxy speaks for itself (a health check): LOCAL or UNKNOWN, or a family that is not the Internet.
    Itself,
    /// The proxy speaks for `source`, who connected to `destination`.
    For {
        /// The client.
        source: SocketAddr,
        /// Where it connected to.
        destination: SocketAddr,
    },
}

/// How a header can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The octets begin neither kind of header.
    #[error("it does not begin a PROXY header")]
    NoHeader,
    /// A version 1 header does not end within its 107 octets.
    #[error("its version 1 header does not end within {} octets", limits::PROXY_V1_OCTETS)]
    LineTooLong,
    /// A version 1 line has other fields than the specification says.
    #[error("its version 1 header has a malformed field")]
    MalformedLine,
    /// A version 2 header announces more octets than we take.
    #[error("its version 2 header announces {0} octets")]
    TooLong(usize),
    /// A version 2 header has a version or command that does not exist.
    #[error("its version 2 header has an unknown version or command")]
    UnknownCommand,
    /// A version 2 header is too short for the addresses that it announces.
    #[error("its version 2 header is too short for its addresses")]
    ShortAddresses,
    /// The header did not arrive in time, or the proxy closed before its end.
    #[error("its header did not arrive")]
    Missing,
}

const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V1_SIGNATURE: &[u8] = b"PROXY ";

/// Reads a header at the beginning of `octets`: the header and its length, or `None` when more octets are needed.
///
/// # Errors
/// [`ProxyError`] as soon as the octets can no longer become a header.
pub fn parse(octets: &[u8]) -> Result<Option<(Proxied, usize)>, ProxyError> {
    if starts_like(octets, V2_SIGNATURE) {
        return parse_v2(octets);
    }
    if starts_like(octets, V1_SIGNATURE) {
        return parse_v1(octets);
    }
    Err(ProxyError::NoHeader)
}

fn starts_like(octets: &[u8], signature: &[u8]) -> bool {
    octets.iter().zip(signature).all(|(ours, theirs)| ours == theirs)
}

fn parse_v1(octets: &[u8]) -> Result<Option<(Proxied, usize)>, ProxyError> {
    let within = octets.get(..limits::PROXY_V1_OCTETS).unwrap_or(octets);
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return if octets.len() >= limits::PROXY_V1_OCTETS { Err(ProxyError::LineTooLong) } else { Ok(None) };
    };
    let line = within.get(V1_SIGNATURE.len()..end).ok_or(ProxyError::MalformedLine)?;
    let line = std::str::from_utf8(line).map_err(|_| ProxyError::MalformedLine)?;
    Ok(Some((v1_fields(line)?, end + 2)))
}

fn v1_fields(line: &str) -> Result<Proxied, ProxyError> {
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Ok(Proxied::Itself);
    }
    let mut fields = line.split(' ');
    let mut next = || fields.next().ok_or(ProxyError::MalformedLine);
    let family = next()?;
    let (source, destination) = (v1_address(family, next()?)?, v1_address(family, next()?)?);
    let (source_port, destination_port) = (v1_port(next()?)?, v1_port(next()?)?);
    if fields.next().is_some() {
        return Err(ProxyError::MalformedLine);
    }
    Ok(Proxied::For {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

fn v1_address(family: &str, text: &str) -> Result<IpAddr, ProxyError> {
    let address = match family {
        "TCP4" => text.parse().map(IpAddr::V4),
        "TCP6" => text.parse().map(IpAddr::V6),
        _ => return Err(ProxyError::MalformedLine),
    };
    address.map_err(|_| ProxyError::MalformedLine)
}

fn v1_port(text: &str) -> Result<u16, ProxyError> {
    // The specification allows no sign and no leading zeros.
    let plain = text.bytes().all(|octet| octet.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(ProxyError::MalformedLine)
}

fn parse_v2(octets: &[u8]) -> Result<Option<(Proxied, usize)>, ProxyError> {
    let Some((fixed, rest)) = octets.split_first_chunk::<16>() else { return Ok(None) };
    let [.., version_command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > limits::PROXY_V2_OCTETS {
        return Err(ProxyError::TooLong(length));
    }
    let Some(addresses) = rest.get(..length) else { return Ok(None) };
    let proxied = match version_command {
        0x20 => Proxied::Itself,
        0x21 => v2_addresses(family, addresses)?,
        _ => return Err(ProxyError::UnknownCommand),
    };
    Ok(Some((proxied, fixed.len() + length)))
}

fn v2_addresses(family: u8, octets: &[u8]) -> Result<Proxied, ProxyError> {
    let short = ProxyError::ShortAddresses;
    match family {
        0x11 => {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *octets.first_chunk::<12>().ok_or(short)?;
            Ok(Proxied::For {
                source: SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([i, j])),
                destination: SocketAddr::new(Ipv4Addr::new(e, f, g, h).into(), u16::from_be_bytes([k, l])),
            })
        }
        0x21 => {
            let (source, rest) = octets.split_first_chunk::<16>().ok_or(short)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
            let [i, j, k, l] = *rest.first_chunk::<4>().ok_or(short)?;
            Ok(Proxied::For {
                source: SocketAddr::new(Ipv6Addr::from(*source).into(), u16::from_be_bytes([i, j])),
                destination: SocketAddr::new(Ipv6Addr::from(*destination).into(), u16::from_be_bytes([k, l])),
            })
        }
        // Unspecified, datagrams, Unix sockets: nothing that could be shown as a peer.
        _ => Ok(Proxied::Itself),
    }
}

#[cfg(test)]
mod tests;
