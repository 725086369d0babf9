//! What a snapshot holds of windows one by one.

use super::{
    core::{Entry, FiredOf, KeyEntries, TriggeredWindows},
    keep::Keep,
};
use crate::time::{
    timers::Timer,
    window::{AskedKey, Fired, Image, KeyTable, Piece, TimeDomain, Trigger, Unfit, WindowAssigner},
};

/// A piece of an assigner's, a trigger's and a content's windows.
pub type TriggeredImage<K, T, A, R, C> = Image<
    K,
    Piece<
        <A as WindowAssigner<T>>::Window,
        <C as Keep<T, <A as WindowAssigner<T>>::Window>>::Kept,
        <R as Trigger<T, <A as WindowAssigner<T>>::Window>>::State,
        <C as Keep<T, <A as WindowAssigner<T>>::Window>>::Out,
    >,
>;

impl<T, K, A, R, C> TriggeredWindows<T, K, A, R, C>
where
    T: Clone,
    K: Clone + Eq,
    A: WindowAssigner<T>,
    R: Trigger<T, A::Window>,
    C: Keep<T, A::Window>,
{
    /// All that is kept, for a snapshot.
    pub fn images(&self) -> Vec<TriggeredImage<K, T, A, R, C>> {
        let mut images = Vec::new();
        let mut add = |key: &K, piece| images.push(Image { key: key.clone(), piece });
        self.table.for_each(|_, key, KeyEntries(entries)| {
            for Entry { window, trigger, content } in entries {
                if let Some(content) = content.clone() {
                    add(key, Piece::Content { window: window.clone(), content });
                }
                add(key, Piece::Trigger { window: window.clone(), state: trigger.clone() });
            }
        });
        let event = self.clocks.event.iter().map(|timer| (TimeDomain::EventTime, timer));
        let processing =
            self.clocks.processing.iter().map(|timer| (TimeDomain::ProcessingTime, timer));
        for (domain, (time, timer)) in event.chain(processing) {
            let window = Some(timer.namespace.clone());
            add(&timer.key, Piece::Timer { domain, time, window });
        }
        for (place, Fired { key, window, content }) in (0..).zip(&self.fired) {
            let (window, content) = (window.clone(), content.clone());
            add(key, Piece::Result { place, window, content });
        }
        images
    }

    /// Takes back what was kept of a key with this hash, but for results.
    ///
    /// # Errors
    /// If it is nothing that these windows keep.
    pub fn put_back(
        &mut self,
        hash: u32,
        image: TriggeredImage<K, T, A, R, C>,
    ) -> Result<(), Unfit> {
        let Image { key, piece } = image;
        match piece {
            Piece::Content { window, content } => {
                self.entry_of(hash, &key, &window).content = Some(content);
            }
            Piece::Trigger { window, state } => {
                self.entry_of(hash, &key, &window).trigger = state;
            }
            Piece::Timer { domain, time, window: Some(namespace) } => {
                self.clocks.queue(domain).register(time, Timer { key_hash: hash, key, namespace });
            }
            Piece::Timer { window: None, .. } | Piece::Result { .. } => return Err(Unfit::FOREIGN),
        }
        Ok(())
    }

    /// All was taken back but `fired`, the results that waited, in order.
    pub fn finish_restore(&mut self, fired: Vec<FiredOf<K, T, A, C>>) {
        self.fired.extend(fired);
    }

    fn entry_of(
        &mut self,
        hash: u32,
        key: &K,
        window: &A::Window,
    ) -> &mut Entry<A::Window, R::State, C::Kept> {
        let asked = AskedKey { hash, is: |known: &K| known == key, make: || key.clone() };
        let place = self.table.find_or_add(asked);
        self.table.at(place).1.of(window)
    }
}
