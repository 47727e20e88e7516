//! LOGIN and AUTHENTICATE (RFC 9051 §6.2.2, §6.2.3, RFC 4959).

use crate::imap::place::quota_of;
use crate::imap::refusal;
use crate::imap::session::{Broken, Done, Outcome, Session, User};
use crate::sasl;
use account::owner::Owner;
use account::rights::Asker;
use directory::entry::Account;
use directory::login::{Denied, LastWords, Step};
use message::transfer;

impl Session<'_> {
    pub async fn log_in(&mut self, name: &str, password: &str) -> Done {
        if self.offered().is_none() {
            return Ok(Outcome::no("[PRIVACYREQUIRED] logging in needs TLS"));
        }
        match self.service.logins.check(name, password, &self.origin()).await {
            Ok(account) => self.welcome(account).await,
            Err(why) => Ok(self.deny(why)),
        }
    }

    pub async fn authenticate(&mut self, mechanism: &str, initial: Option<String>) -> Done {
        if self.offered().is_none() {
            return Ok(Outcome::no("[PRIVACYREQUIRED] logging in needs TLS"));
        }
        let Some(mut exchange) = self.service.logins.begin(mechanism, self.origin(), LastWords::AsChallenge) else {
            return Ok(Outcome::no("[CANNOT] the mechanism is not offered"));
        };
        let mut response = match initial.map(|text| sasl::initial_response(text.as_bytes())) {
            Some(None) => return Ok(Outcome::bad("the initial response is not base64")),
            read => read.flatten(),
        };
        loop {
            match exchange.respond(response.as_deref()).await {
                Err(why) => return Ok(self.deny(why)),
                Ok(Step::Done(account, _)) => return self.welcome(*account).await,
                Ok(Step::Challenge(challenge)) => match self.challenge(&challenge).await? {
                    Ok(octets) => response = Some(octets),
                    Err(outcome) => return Ok(outcome),
                },
            }
        }
    }

    async fn challenge(&mut self, challenge: &[u8]) -> Result<Result<Vec<u8>, Outcome>, Broken> {
        self.say(&format!("+ {}\r\n", transfer::base64(challenge)));
        let timeout = self.service.settings.login_timeout;
        let line = self.line(timeout).await?;
        if line == "*" {
            return Ok(Err(Outcome::bad("given up")));
        }
        Ok(sasl::response(line.as_bytes()).ok_or_else(|| Outcome::bad("the response is not base64")))
    }

    fn deny(&mut self, why: Denied) -> Outcome {
        self.failed_logins += 1;
        self.service.signals.denied(self.line.connection.trace(), self.line.connection.peer(), why);
        Outcome::no(refusal::denied(why))
    }

    async fn welcome(&mut self, account: Account) -> Done {
        let owner = Owner::new(account.account_id(), account.partition.clone());
        let groups = self.service.directory.groups_of(&account.address).await.unwrap_or_default();
        if let Err(error) = self.service.mail.prepare(&owner).await {
            return Ok(self.failed(&error));
        }
        self.service.signals.logged_in(self.line.connection.trace(), self.line.connection.peer(), &account.address);
        let quota = quota_of(&account);
        self.allow_messages();
        self.user = Some(User { owner, asker: Asker { address: account.address, groups }, quota });
        let capabilities = self.capabilities();
        Ok(Outcome::Ok(format!("[CAPABILITY {capabilities}] welcome")))
    }
}
