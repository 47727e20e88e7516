//! The way of a recipient through the conversion channel, as its route's destination says it: from which channel the mail
//! came, a tag for the `conversions` file, and how it goes on.

use queue::entry::{Channel, Route};

/// Where a recipient's mail came from and where it goes when it is treated. Written `SOURCE#TAG>CHANNEL DESTINATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The channel that brought the message; empty when it goes on as it is.
    pub source: String,
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
        Way { source: String::new(), tag: String::new(), route: self.route.clone() }
    }

    /// The channel that it leaves by, as patterns name it.
    pub fn out_channel(&self) -> &'static str {
        out_channel(&self.route)
    }
}

/// The channel of a route, as patterns name it: what is looked up here is local.
pub fn out_channel(route: &Route) -> &'static str {
    match route.channel {
        Channel::Process | Channel::Local => "local",
        other => other.as_str(),
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)?;
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
        let (channel, destination) = to.split_once(' ').ok_or(NotAWay)?;
        let route = Route::new(channel.parse().map_err(|_| NotAWay)?, destination);
        Ok(Way { source: source.to_owned(), tag: tag.to_owned(), route })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_written_and_read() {
        for text in ["submission>smtp example.org", "smtp#legal>process ", ">lmtp unix:/run/x y"] {
            assert_eq!(text.parse::<Way>().unwrap().to_string(), text);
        }
        for text in ["", "smtp", "smtp>smtp", "a>nowhere b"] {
            assert_eq!(text.parse::<Way>(), Err(NotAWay));
        }
    }
}
