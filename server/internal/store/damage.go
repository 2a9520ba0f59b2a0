package store

// Damage is the error of a store that can't be used. It wraps [ErrDamaged], with a message that also fits a store that
// is not a file.
type Damage string

// Error implements error.
func (d Damage) Error() string { return "the store is damaged, so restore a backup: " + string(d) }

// Unwrap makes it an [ErrDamaged].
func (Damage) Unwrap() error { return ErrDamaged }
