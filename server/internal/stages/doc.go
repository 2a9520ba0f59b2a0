// Package stages is the state machine of the versions of a secret: pure functions that know no storage and no clock.
// Package keyring stores what they return.
//
// A stage is a name for a version, and is on one version at most. [kmsapi.StageCurrent] is always on one: only a move
// to another version takes it away, and the version that had it gets [kmsapi.StagePrevious] then. A version without a
// stage is kept, until a new version needs its place.
package stages
