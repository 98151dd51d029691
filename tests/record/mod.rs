//! What a record promises about the disk, tried on every operation that it asks of one.

mod power_cut;
