//! Reviews whose profile cannot review any longer, because the configuration is another one.

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::Dispatcher;
use crate::actors::database::Submit;
use crate::kernel::error::VerbError;
use crate::kernel::verbs::GiveReviewsToPeople;

impl Dispatcher {
    /// Reviews that the profiles of this configuration cannot do become a person's. A pass starts none of them meanwhile.
    pub(super) fn settle_reviews(&mut self, context: &mut Context<Self>) {
        let database = self.deps.database.clone();
        let settle = async move {
            let verb = || Submit::by_system("dispatcher", GiveReviewsToPeople {});
            while database.submit(verb()).await? {}
            Ok::<_, VerbError>(())
        };
        context.spawn(settle.into_actor(self).map(|settled, _dispatcher, _context| {
            if let Err(error) = settled {
                tracing::error!(%error, "cannot give reviews to people that their profiles cannot do");
            }
        }));
    }
}
