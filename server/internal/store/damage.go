package store

// Damage is what is wrong with a store that can't be used. It wraps [ErrDamaged], in words that fit what is no file.
type Damage string

// Error implements error.
func (d Damage) Error() string { return "the store is damaged, so restore a backup: " + string(d) }

// Unwrap makes it an [ErrDamaged].
func (Damage) Unwrap() error { return ErrDamaged }
