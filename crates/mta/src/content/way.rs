//! The way of a recipient through the conversion channel, as its route's destination says it: from which channel the mail
//! came, whether the CONVERSIONS table decided, a tag for the `conversions` file, and how it goes on.

use crate::channels::brought::Brought;
use queue::entry::{Channel, Route};

/// Where a recipient's mail came from and where it goes when it is treated. Written `SOURCE#TAG>CHANNEL DESTINATION`, with `+yes`
/// or `+no` behind the source where the CONVERSIONS table decided over conversions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How the message came; as mail of our own when it goes on as it is.
    pub brought: Brought,
    /// What the CONVERSIONS table said, if it said anything.
    pub decided: Option<bool>,
    /// A tag that entries of the `conversions` file can ask for; empty for none.
    pub tag: String,
    /// How it goes on.
    pub route: Route,
}

/// The text is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a way through the conversion channel is written as SOURCE>CHANNEL DESTINATION")]
pub struct NotAWay;

impl Way {
    /// The route that leads through the conversion channel.
    pub fn through(&self) -> Route {
        Route::new(Channel::Conversion, &self.to_string())
    }

    /// The same way for mail that is not to be changed any more.
    pub fn as_it_is(&self) -> Way {
        Way { brought: Brought::default(), decided: None, tag: String::new(), route: self.route.clone() }
    }

    /// The channel that it leaves by, as patterns name it.
    pub fn out_channel(&self) -> &str {
        out_channel(&self.route)
    }
}

/// The channel of a route, as patterns name it: what is looked up here is local.
pub fn out_channel(route: &Route) -> &str {
    match &route.channel {
        Channel::Process | Channel::Local => "local",
        other => other.as_str(),
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.brought)?;
        if let Some(converts) = self.decided {
            f.write_str(if converts { "+yes" } else { "+no" })?;
        }
        if !self.tag.is_empty() {
            write!(f, "#{}", self.tag)?;
        }
        write!(f, ">{} {}", self.route.channel, self.route.destination)
    }
}

impl std::str::FromStr for Way {
    type Err = NotAWay;

    fn from_str(text: &str) -> Result<Way, NotAWay> {
        let (from, to) = text.split_once('>').ok_or(NotAWay)?;
        let (source, tag) = from.split_once('#').unwrap_or((from, ""));
        let (source, decided) = match source.split_once('+') {
            None => (source, None),
            Some((source, "yes")) => (source, Some(true)),
            Some((source, "no")) => (source, Some(false)),
            Some(_) => return Err(NotAWay),
        };
        let (channel, destination) = to.split_once(' ').ok_or(NotAWay)?;
        let route = Route::new(channel.parse().map_err(|_| NotAWay)?, destination);
        Ok(Way { brought: Brought::read(source), decided, tag: tag.to_owned(), route })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_and_read() {
        for text in [
            "submission>smtp example.org",
            "smtp#legal>process ",
            ">lmtp unix:/run/x y",
            "smtp/tcp_local/tcp_scanner+yes#legal>tcp_partner one.test:25",
            "smtp!+no>process ",
        ] {
            assert_eq!(text.parse::<Way>().unwrap().to_string(), text);
        }
        for text in ["", "smtp", "smtp>smtp", "a>no/where b", "smtp+perhaps>smtp b"] {
            assert_eq!(text.parse::<Way>(), Err(NotAWay));
        }
    }
}
