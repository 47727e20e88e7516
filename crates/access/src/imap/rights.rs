//! ACL (RFC 4314).

use crate::imap::refusal;
use crate::imap::session::{Done, Outcome, Session};
use account::rights::Rights;
use imap::write;

impl Session<'_> {
    pub async fn set_acl(&mut self, mailbox: &str, identifier: &str, rights: &str) -> Done {
        let found = match self.find(mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::ADMINISTER) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        let (sign, letters) = match rights.strip_prefix(['+', '-']) {
            Some(letters) => (rights.chars().next(), letters),
            None => (None, rights),
        };
        let Some(named) = Rights::parse(letters) else { return Ok(Outcome::bad("a right is not known")) };
        if identifier.eq_ignore_ascii_case(&found.address) {
            return Ok(Outcome::no("[CANNOT] the owner always has all rights"));
        }
        let old = found.mailbox.row.grants.of(identifier);
        let new = match sign {
            Some('+') => old.with(named),
            Some('-') => old.without(named),
            _ => named,
        };
        Ok(match self.service.mail.grant(&found.owner, found.mailbox.id, identifier, new).await {
            Ok(_) => Outcome::ok("done"),
            Err(error) => self.failed(&error),
        })
    }

    pub async fn get_acl(&mut self, mailbox: &str) -> Done {
        let found = match self.find(mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::ADMINISTER) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        self.say("* ACL ");
        let name = self.shown_name(&found);
        self.write_name(&name);
        self.say(" ");
        write::astring(&mut self.line.output, &found.address, self.utf8);
        self.say(&format!(" {}", Rights::ALL.with_virtual_letters()));
        for (identifier, rights) in found.mailbox.row.grants.entries() {
            self.line.output.push(b' ');
            write::astring(&mut self.line.output, identifier, self.utf8);
            self.say(&format!(" {}", rights.with_virtual_letters()));
        }
        self.say("\r\n");
        Ok(Outcome::ok("done"))
    }

    pub async fn list_rights(&mut self, mailbox: &str, identifier: &str) -> Done {
        let found = match self.find(mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        if !found.rights.has(Rights::ADMINISTER) {
            return Ok(Outcome::no(refusal::NO_PERMISSION));
        }
        self.say("* LISTRIGHTS ");
        let name = self.shown_name(&found);
        self.write_name(&name);
        self.line.output.push(b' ');
        write::astring(&mut self.line.output, identifier, self.utf8);
        if identifier.eq_ignore_ascii_case(&found.address) {
            self.say(&format!(" {}\r\n", Rights::ALL));
        } else {
            self.say(" \"\" l r s w i p k x t e a\r\n");
        }
        Ok(Outcome::ok("done"))
    }

    pub async fn my_rights(&mut self, mailbox: &str) -> Done {
        let found = match self.find(mailbox).await {
            Ok(found) => found,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.say("* MYRIGHTS ");
        let name = self.shown_name(&found);
        self.write_name(&name);
        self.say(&format!(" {}\r\n", found.rights.with_virtual_letters()));
        Ok(Outcome::ok("done"))
    }
}
