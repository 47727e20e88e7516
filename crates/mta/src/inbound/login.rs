//! AUTH: an exchange of the directory, between the engine's questions.

use crate::inbound::refusal;
use crate::inbound::service::Service;
use directory::entry::Account;
use directory::login::{Denied, Exchange, LastWords, Origin, Step};
use net::Connection;
use smtp::server::AuthAnswer;

/// A login of one session.
#[derive(Default)]
pub struct Login {
    exchange: Option<Exchange>,
    /// Who is logged in.
    pub account: Option<Box<Account>>,
}

impl Login {
    /// The client begins.
    pub async fn begin(
        &mut self,
        service: &Service,
        connection: &Connection,
        mechanism: &str,
        initial: Option<&[u8]>,
    ) -> AuthAnswer {
        let Some(exchange) = service.parts.logins.begin(mechanism, Origin::of(connection), LastWords::AsChallenge)
        else {
            return AuthAnswer::Refuse(refusal::no_such_mechanism());
        };
        self.exchange = Some(exchange);
        self.step(service, connection, initial).await
    }

    /// The client answers a challenge; `None` gives up.
    pub async fn respond(&mut self, service: &Service, connection: &Connection, response: Option<&[u8]>) -> AuthAnswer {
        if response.is_none() {
            *self = Login::default();
            return AuthAnswer::Refuse(refusal::denied(Denied::Malformed));
        }
        self.step(service, connection, response).await
    }

    async fn step(&mut self, service: &Service, connection: &Connection, response: Option<&[u8]>) -> AuthAnswer {
        let Some(mut exchange) = self.exchange.take() else {
            return AuthAnswer::Refuse(refusal::denied(Denied::Malformed));
        };
        match exchange.respond(response).await {
            Ok(Step::Challenge(challenge)) => {
                self.exchange = Some(exchange);
                AuthAnswer::Challenge(challenge)
            }
            Ok(Step::Done(account, _)) => self.done(service, connection, account),
            Err(why) => {
                service.signals.login_refused(connection.trace(), connection.peer(), why);
                AuthAnswer::Refuse(refusal::denied(why))
            }
        }
    }

    fn done(&mut self, service: &Service, connection: &Connection, account: Box<Account>) -> AuthAnswer {
        service.signals.logged_in(connection.trace(), connection.peer(), &account.address);
        self.account = Some(account);
        AuthAnswer::Success
    }
}
