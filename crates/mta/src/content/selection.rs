//! Whose mail is treated: by the channels that it comes and leaves by, its sender and its recipient.

use crate::channels::named::Piece;
use crate::content::disclaimer;
use crate::content::pattern::fits;
use crate::content::service::Content;
use crate::content::way::{Way, out_channel};
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

/// Asks whether mail between two channels is converted, by the settings' list of channels, where the CONVERSIONS table says
/// nothing.
pub fn should_convert(content: &Content, source: &str, out: &str) -> Conversion {
    let conversion = &content.settings.conversion;
    if conversion.conversions.entries.is_empty() {
        return Conversion::No;
    }
    let pair = conversion.pairs.iter().find(|pair| fits(&pair.source, source) && fits(&pair.out, out));
    pair.map_or(Conversion::No, |pair| Conversion::Yes { tag: pair.tag.clone() })
}

/// What becomes of mail on a way: as the table decided when it was chosen, else by the settings of now.
pub fn of_way(content: &Content, way: &Way) -> Conversion {
    match way.decided {
        Some(true) => Conversion::Yes { tag: way.tag.clone() },
        Some(false) => Conversion::No,
        None => match should_convert(content, &way.brought.kind, way.out_channel()) {
            Conversion::Yes { .. } if !way.tag.is_empty() => Conversion::Yes { tag: way.tag.clone() },
            other => other,
        },
    }
}

/// Whether anything is treated at all, so that it must be known where mail came from.
pub fn is_used(content: &Content) -> bool {
    !content.settings.disclaimers.is_empty() || !content.settings.conversion.conversions.entries.is_empty()
}

/// The route of a recipient, by way of the conversion channel if its mail is to be treated. `decided` is what the CONVERSIONS
/// table said, if it said anything.
pub fn route(content: &Content, mail: Piece<'_>, decided: Option<Conversion>, route: Route) -> Route {
    let brought = mail.brought;
    let is_open =
        matches!(route.channel, Channel::Process | Channel::Local | Channel::Smtp | Channel::Lmtp | Channel::Named(_));
    if brought.is_own() || brought.is_treated || !is_open {
        return route;
    }
    let out = out_channel(&route);
    let by_table = decided.as_ref().map(|decided| *decided != Conversion::No);
    let conversion = match decided {
        Some(_) if content.settings.conversion.conversions.entries.is_empty() => Conversion::No,
        Some(decided) => decided,
        None => should_convert(content, &brought.kind, out),
    };
    if conversion == Conversion::No && disclaimer::of(content, &brought.kind, out, mail.from, mail.to).is_empty() {
        return route;
    }
    let tag = if let Conversion::Yes { tag } = conversion { tag } else { String::new() };
    // What was treated is not treated again where an address of ours leads elsewhere.
    let route = match route.channel {
        Channel::Process => Route::new(Channel::Process, &brought.treated().to_string()),
        _ => route,
    };
    Way { brought: brought.clone(), decided: by_table, tag, route }.through()
}
