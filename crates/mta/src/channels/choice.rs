//! The way of one recipient's mail: what the CONVERSIONS table says goes before all, then detours, then the settings of
//! conversions and disclaimers.

use crate::channels::conversions::Way;
use crate::channels::named::Piece;
use crate::channels::service::Channels;
use crate::content::selection::{self, Conversion};
use crate::content::service::Content;
use crate::judge::lookups::Effects;
use queue::entry::{Channel, Route};

/// The route of a recipient whose mail leaves by `route` if nothing else is done with it.
pub async fn choose(channels: &Channels, content: &Content, mail: Piece<'_>, route: Route) -> Route {
    if mail.brought.is_own() || mail.brought.is_treated || !is_open(&route) {
        return route;
    }
    let decided = match channels.ask(mail.brought, &route, Effects::On).await {
        Some(answer) => match answer.channel {
            Some(Way::Channel(name)) => match channels.route_by(name, mail) {
                Some(route) => return route,
                // It was there. Nothing else was asked for.
                None => Some(Conversion::No),
            },
            Some(Way::NoName(name)) => {
                channels.signals.held(mail.to, &name);
                return Route::new(Channel::Held, "");
            }
            None if answer.converts => Some(Conversion::Yes { tag: answer.tag }),
            None => Some(Conversion::No),
        },
        None => match channels.detour(mail) {
            Some(route) => return route,
            None => None,
        },
    };
    selection::route(content, mail, decided, route)
}

/// The channel by which a recipient's mail will leave, as far as it can be told before the message is judged, and without any
/// effect: for fragments, which are put together before anything else.
pub async fn foresee(channels: &Channels, mail: Piece<'_>, route: &Route) -> Option<Channel> {
    if mail.brought.is_own() || !is_open(route) {
        return None;
    }
    let foreseen = match channels.ask(mail.brought, route, Effects::Off).await {
        Some(answer) => match answer.channel {
            Some(Way::Channel(name)) => channels.route_by(name, mail),
            _ => None,
        },
        None => channels.detour(mail),
    };
    foreseen.map(|route| route.channel)
}

/// Whether something else may still be done with what has this route.
fn is_open(route: &Route) -> bool {
    match route.channel {
        Channel::Process | Channel::Local | Channel::Smtp | Channel::Lmtp | Channel::Named(_) => true,
        Channel::Held | Channel::Conversion | Channel::Defragment => false,
    }
}
