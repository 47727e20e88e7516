//! Whose mail is treated: by the channels that it comes and leaves by, its sender and its recipient.

use crate::content::disclaimer;
use crate::content::pattern::fits;
use crate::content::service::Content;
use crate::content::way::{Way, out_channel};
use model::Address;
use queue::entry::{Channel, Route};

/// Whether mail between two channels goes through the conversions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// It does not.
    No,
    /// It does.
    Yes {
        /// What entries can ask for with `tag`; empty for nothing.
        tag: String,
    },
}

/// Asks whether mail between two channels is converted: the answer that the CONVERSIONS mapping gives to
/// `IN-CHAN=source;OUT-CHAN=out;CONVERT`, from the settings' list of channels.
pub fn should_convert(content: &Content, source: &str, out: &str) -> Conversion {
    let conversion = &content.settings.conversion;
    if conversion.conversions.entries.is_empty() {
        return Conversion::No;
    }
    let pair = conversion.pairs.iter().find(|pair| fits(&pair.source, source) && fits(&pair.out, out));
    pair.map_or(Conversion::No, |pair| Conversion::Yes { tag: pair.tag.clone() })
}

/// Whether anything is treated at all, so that it must be known where mail came from.
pub fn is_used(content: &Content) -> bool {
    !content.settings.disclaimers.is_empty() || !content.settings.conversion.conversions.entries.is_empty()
}

/// The route of a recipient, by way of the conversion channel if its mail is to be treated.
pub fn route(content: &Content, source: &str, from: Option<&Address>, to: &Address, route: Route) -> Route {
    if source.is_empty() || !matches!(route.channel, Channel::Process | Channel::Local | Channel::Smtp | Channel::Lmtp)
    {
        return route;
    }
    let out = out_channel(&route);
    let conversion = should_convert(content, source, out);
    if conversion == Conversion::No && disclaimer::of(content, source, out, from, to).is_empty() {
        return route;
    }
    let tag = if let Conversion::Yes { tag } = conversion { tag } else { String::new() };
    // What was treated is not treated again where an address of ours leads elsewhere.
    let route = if route.channel == Channel::Process { Route::new(Channel::Process, "") } else { route };
    Way { source: source.to_owned(), tag, route }.through()
}
