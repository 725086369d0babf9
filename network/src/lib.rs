//! Result partitions, input gates and local channels of Brisk, in bytes.
