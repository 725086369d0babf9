//! The entries of a store as they were at a barrier, for canonical savepoints.

use brisk_core::{
    BoxError,
    checkpoint::savepoint::Entry,
    graph::{KeyGroup, KeyGroupRange},
    state::backend::FrozenStore,
};

use super::Released;
use crate::{
    RocksDbError,
    database::Database,
    key::{DecodedKey, behind, group_prefix},
};

/// Goes over a database of linked files, group by group, state by state.
pub(crate) struct FrozenRocksDb {
    database: Option<Database>,
    /// By number.
    states: Vec<String>,
    range: KeyGroupRange,
    at: Position,
    decoded: DecodedKey,
    // Goes last: the database's files are in its folder.
    released: Released,
}

/// Where going over it has come to.
#[derive(Clone, Debug, Default)]
struct Position {
    /// How many groups are done.
    groups: usize,
    state: usize,
    /// The last key that was shown.
    last: Option<Vec<u8>>,
}

impl FrozenRocksDb {
    pub(crate) fn new(released: Released, states: Vec<String>, range: KeyGroupRange) -> Self {
        let (database, at, decoded) = (None, Position::default(), DecodedKey::default());
        Self { released, database, states, range, at, decoded }
    }

    /// Shows the entries of a state in a group from where it was left; whether all were shown.
    fn show(
        &mut self,
        group: KeyGroup,
        each: &mut dyn FnMut(KeyGroup, &Entry<'_>) -> bool,
    ) -> Result<bool, RocksDbError> {
        let Self { database, states, at, decoded, released, .. } = self;
        let database = database.as_ref().expect("it was taken before");
        let prefix = group_prefix(group);
        let mut iterator = database.iterator(&states[at.state], behind(&prefix));
        match &at.last {
            None => iterator.seek(prefix),
            Some(last) => {
                iterator.seek(last);
                iterator.next();
            }
        }
        while let Some((key, value)) = iterator.item() {
            if !decoded.decode(key) {
                let what = "a key is not one of this backend".to_owned();
                return Err(RocksDbError::Damaged { owner: released.cut.owner().to_owned(), what });
            }
            let DecodedKey { key: of, namespace, sub_key, .. } = &*decoded;
            let state = u32::try_from(at.state).expect("states are few");
            let goes_on = each(group, &Entry { state, key: of, namespace, sub_key, value });
            if !goes_on {
                at.last = Some(key.to_vec());
                return Ok(false);
            }
            iterator.next();
        }
        database.check(&iterator).map(|()| true)
    }
}

impl FrozenStore for FrozenRocksDb {
    fn is_ready(&self) -> bool {
        self.released.cut.is_opened()
    }

    fn next(
        &mut self,
        each: &mut dyn FnMut(KeyGroup, &Entry<'_>) -> bool,
    ) -> Result<bool, BoxError> {
        if self.database.is_none() {
            self.database = Some(self.released.cut.take_database()?);
        }
        while let Some(group) = self.range.iter().nth(self.at.groups) {
            while self.at.state < self.states.len() {
                if !self.show(group, each)? {
                    return Ok(true);
                }
                self.at = Position { state: self.at.state + 1, last: None, ..self.at };
            }
            self.at = Position { groups: self.at.groups + 1, ..Position::default() };
        }
        Ok(false)
    }
}
