//! The MTA-STS policy of our own domains, handed out on the web (RFC 8461 §3.3).

use std::sync::Arc;

use directory::directory::Directory;
use model::Domain;
use net::http::{Asked, Page, Site};
use net::listener::BoxFuture;
use tracing::warn;

use crate::authentication::sts::{PATH, Policy, host_of};

/// What a web server at `mta-sts.DOMAIN` shows, for each domain of ours.
pub struct Published {
    policy: Policy,
    directory: Arc<dyn Directory>,
}

impl Published {
    /// One policy for all domains of the directory.
    pub fn new(policy: Policy, directory: Arc<dyn Directory>) -> Published {
        Published { policy, directory }
    }

    async fn find(&self, asked: Asked<'_>) -> Option<Page> {
        if asked.path != PATH {
            return None;
        }
        let host = asked.host.trim_end_matches('.').to_ascii_lowercase();
        let domain: Domain = host.strip_prefix(&host_of(""))?.parse().ok()?;
        match self.directory.is_local_domain(&domain).await {
            Ok(true) => Some(Page::text(200, self.policy.document())),
            Ok(false) => None,
            Err(error) => {
                warn!(%domain, cause = %error, "the directory did not say whether a domain is ours: its policy was not handed out");
                Some(Page::text(503, "the directory does not answer\n"))
            }
        }
    }
}

impl Site for Published {
    fn page<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Option<Page>> {
        Box::pin(self.find(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::sts::{self, Mode};
    use directory::directory::Away;
    use directory::embedded::Embedded;
    use storage::Partition;

    fn policy() -> Policy {
        Policy { mode: Mode::Enforce, hosts: vec!["mx.a.test".to_owned()], max_age_secs: 86_400 }
    }

    async fn page(site: &Published, host: &str, path: &str) -> Option<Page> {
        site.page(Asked { host, path, is_draining: false }).await
    }

    #[tokio::test]
    async fn the_policy_is_handed_out_for_domains_of_ours() {
        let directory = Embedded::new(Partition::in_memory().unwrap(), Default::default()).unwrap();
        directory.add_domain(&"a.test".parse().unwrap(), None).await.unwrap();
        let site = Published::new(policy(), Arc::new(directory));
        let found = page(&site, "MTA-STS.a.test.", PATH).await.unwrap();
        assert_eq!((found.status, sts::parse(found.body.as_bytes()).unwrap()), (200, policy()));
        assert!(found.media_type.starts_with("text/plain"));
        for (host, path) in [("a.test", PATH), ("mta-sts.b.test", PATH), ("mta-sts.a.test", "/"), ("", PATH)] {
            assert_eq!(page(&site, host, path).await, None, "{host}{path}");
        }
    }

    #[tokio::test]
    async fn a_directory_that_is_away_is_no_missing_policy() {
        let site = Published::new(policy(), Arc::new(Away));
        assert_eq!(page(&site, "mta-sts.a.test", PATH).await.unwrap().status, 503);
    }
}
