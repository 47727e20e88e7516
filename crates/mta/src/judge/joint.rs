//! Several addresses behind one recipient, of which only the recipient can be answered: what the verdicts about them come to.

use crate::inbound::refusal;
use policy::decision::Verdict;
use smtp::reply::Reply;

/// What the verdicts about the addresses behind a recipient come to for the recipient.
#[derive(Debug, PartialEq)]
pub struct Joint {
    /// What becomes of the recipient.
    pub fate: Verdict,
    /// The places of those whose verdict cannot be carried out for them alone.
    pub passed_over: Vec<usize>,
}

impl Joint {
    /// `is_apart` says that those who are refused or discarded can be taken out.
    ///
    /// # Errors
    /// The refusal, when nobody is left whom it is not about.
    pub fn of(verdicts: &[Verdict], is_apart: bool) -> Result<Joint, Reply> {
        let strongest = |held: &Verdict, new: &&Verdict| new.strength() > held.strength();
        let refusals = verdicts.iter().filter(|verdict| verdict.refusal().is_some());
        let worst = refusals.fold(Verdict::Accept, |held, new| if strongest(&held, &new) { new.clone() } else { held });
        if let Some(refusal) = worst.refusal()
            && !(is_apart && verdicts.iter().any(is_kept))
        {
            return Err(refusal::of_policy(refusal));
        }
        if verdicts.contains(&Verdict::Discard { for_all: true }) {
            return Ok(Joint { fate: Verdict::Discard { for_all: true }, passed_over: Vec::new() });
        }
        if let Some((first, others)) = verdicts.split_first()
            && others.iter().all(|other| other == first)
        {
            return Ok(Joint { fate: first.clone(), passed_over: Vec::new() });
        }
        let is_stuck = |verdict: &Verdict| match verdict {
            Verdict::Redirect(_) | Verdict::Hold => true,
            Verdict::Discard { .. } => !is_apart,
            Verdict::Accept | Verdict::Defer(_) | Verdict::Reject(_) => false,
        };
        let stuck = verdicts.iter().enumerate().filter(|(_, verdict)| is_stuck(verdict));
        Ok(Joint { fate: Verdict::Accept, passed_over: stuck.map(|(place, _)| place).collect() })
    }
}

/// Whether one of several stays behind the recipient.
pub fn is_kept(verdict: &Verdict) -> bool {
    verdict.refusal().is_none() && !matches!(verdict, Verdict::Discard { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::decision::Refusal;

    const DISCARD: Verdict = Verdict::Discard { for_all: false };

    fn of(verdicts: &[Verdict], is_apart: bool) -> (Verdict, Vec<usize>) {
        let joint = Joint::of(verdicts, is_apart).unwrap();
        (joint.fate, joint.passed_over)
    }

    #[test]
    fn a_verdict_about_one_is_not_for_the_others() {
        let redirect = Verdict::Redirect("c@d.test".to_owned());
        for one in [Verdict::Hold, redirect.clone()] {
            for is_apart in [true, false] {
                let got = of(&[Verdict::Accept, one.clone(), Verdict::Accept], is_apart);
                assert_eq!(got, (Verdict::Accept, vec![1]), "{one} {is_apart}");
                assert_eq!(of(&[one.clone(), one.clone()], is_apart), (one.clone(), vec![]));
                assert_eq!(of(std::slice::from_ref(&one), is_apart), (one.clone(), vec![]));
            }
        }
        assert_eq!(of(&[DISCARD, Verdict::Accept], true), (Verdict::Accept, vec![]));
        assert_eq!(of(&[DISCARD, Verdict::Accept], false), (Verdict::Accept, vec![0]));
        assert_eq!(of(&[DISCARD, DISCARD], false), (DISCARD, vec![]));
        assert_eq!(of(&[], true), (Verdict::Accept, vec![]));
        let all = Verdict::Discard { for_all: true };
        assert_eq!(of(&[Verdict::Accept, all.clone()], true), (all, vec![]));
    }

    #[test]
    fn a_refusal_is_for_all_when_nobody_else_is_left_or_they_cannot_be_told_apart() {
        let later = Refusal::verdict(Some("4.7.1".parse().unwrap()), "later");
        let never = Refusal::verdict(None, "never");
        let code = |verdicts: &[Verdict], is_apart| Joint::of(verdicts, is_apart).map_err(|reply| reply.code);
        assert!(code(&[never.clone(), Verdict::Accept], true).is_ok());
        assert_eq!(code(&[later.clone(), Verdict::Accept], false), Err(451));
        assert_eq!(code(&[later.clone(), never], true), Err(550));
        assert_eq!(code(&[DISCARD, later], true), Err(451));
    }
}
