//! QUOTA (RFC 9208): one root for everything that the user owns.

use crate::imap::session::{Done, Outcome, Session};

/// The name of the root.
const ROOT: &str = "\"\"";

impl Session<'_> {
    pub fn get_quota(&mut self, root: &str) -> Outcome {
        if !root.is_empty() {
            return Outcome::no("[NONEXISTENT] there is no such quota root");
        }
        match self.tell_quota() {
            Ok(()) => Outcome::ok("done"),
            Err(error) => self.failed(&error),
        }
    }

    pub async fn get_quota_root(&mut self, mailbox: &str) -> Done {
        let found = match self.find(mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.say("* QUOTAROOT ");
        let name = self.shown_name(&found);
        self.write_name(&name);
        if !found.is_own {
            self.say("\r\n");
            return Ok(Outcome::ok("the quota is another's"));
        }
        self.say(&format!(" {ROOT}\r\n"));
        Ok(match self.tell_quota() {
            Ok(()) => Outcome::ok("done"),
            Err(error) => self.failed(&error),
        })
    }

    fn tell_quota(&mut self) -> Result<(), mail::error::Error> {
        let Some(user) = self.user.clone() else { return Ok(()) };
        let usage = self.service.mail.usage(&user.owner)?;
        let mut resources = Vec::new();
        if let Some(octets) = user.quota.octets {
            resources.push(format!("STORAGE {} {}", usage.octets.div_ceil(1024), octets / 1024));
        }
        if let Some(messages) = user.quota.messages {
            resources.push(format!("MESSAGE {} {messages}", usage.items));
        }
        self.say(&format!("* QUOTA {ROOT} ({})\r\n", resources.join(" ")));
        Ok(())
    }
}
