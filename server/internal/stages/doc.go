// Package stages is the state machine of the versions of a secret: pure functions, without storage or clock. Package
// keyring stores what they return.
//
// A stage is a name for a version, and is on at most one version. [kmsapi.StageCurrent] is always on a version: it can
// only be moved to another one, and then the version that had it gets [kmsapi.StagePrevious]. A version without a stage
// is kept until a new version needs its place.
package stages
