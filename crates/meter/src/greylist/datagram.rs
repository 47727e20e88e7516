//! Sun's datagrams: a question becomes a verdict, or first a word that it takes longer.

use std::sync::Arc;

use bytes::Bytes;
use net::BoxFuture;
use net::datagram::{DatagramDoor, Replier};
use smtp::gross::{Answer, Datagram, Question};

use crate::greylist::judge::{Greylist, Verdict};
use crate::greylist::limits::PENDING_AFTER;
use crate::greylist::tally::Action;
use crate::greylist::triplet::{Query, Way};

/// What answers datagrams.
pub struct Datagrams {
    greylist: Arc<Greylist>,
}

impl Datagrams {
    /// Answers from this greylister.
    pub fn new(greylist: Arc<Greylist>) -> Datagrams {
        Datagrams { greylist }
    }

    async fn judge(&self, question: Question, replier: &Replier) -> std::io::Result<()> {
        let query = Query::new(Way::Datagram, question.client, &question.sender, &question.recipient)
            .named(question.hello.as_deref().unwrap_or_default());
        let mut judging = std::pin::pin!(self.greylist.judge(&query));
        let verdict = tokio::select! {
            verdict = judging.as_mut() => verdict,
            () = tokio::time::sleep(PENDING_AFTER) => {
                replier.send(&Answer::Pending.write()).await?;
                judging.await
            }
        };
        replier.send(&answer(&verdict).write()).await
    }
}

fn answer(verdict: &Verdict) -> Answer {
    match verdict.action {
        Action::Trust => Answer::Trust,
        Action::Match => Answer::Match,
        Action::Grey => Answer::Grey(verdict.reason.clone()),
        Action::Block => Answer::Block(verdict.reason.clone()),
    }
}

impl DatagramDoor for Datagrams {
    fn answer(self: Arc<Self>, datagram: Bytes, replier: Replier) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let peer = replier.peer();
            match Datagram::parse(&datagram) {
                Ok(Datagram::Question(question)) => {
                    if let Err(error) = self.judge(question, &replier).await {
                        self.greylist.signals().unanswered(peer, &error);
                    }
                }
                Ok(Datagram::Remark(text)) => self.greylist.signals().remark(peer, &text),
                Err(offence) => self.greylist.signals().malformed("gross", &peer.to_string(), &offence),
            }
        })
    }
}
