package ops

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Status is the state of the service at one time, which /healthz, /metrics and the page share. Values that are cheap to
// get are fields; the others are behind functions, so that only their users pay for them.
type Status struct {
	// At is the time of the status, by the service's clock, and Started when the service was opened.
	At, Started time.Time
	// Version is the version of the program, or "" if it is not known, and Layout the version of the storage layout.
	Version string
	Layout  int
	// StoreErr is why the store takes no writes, and AuditErr why the last audit line could not be written, or nil.
	StoreErr, AuditErr error
	// StaleSince is since when the service has run with an older configuration than its file, because the last reload
	// failed; zero if it does not.
	StaleSince time.Time

	// Certificates are the certificates of the gateways, the shared one first, and then those of a node of a cluster.
	Certificates []Certificate

	// Audited says that there is an audit log.
	Audited bool

	// RetryAudit tries to write an audit line, and returns nil if that was possible.
	RetryAudit func() error
	// Figures returns the numbers that are in memory.
	Figures func() Figures
	// Usage returns the usage of each rate limit that has had a request.
	Usage func() []Usage
	// Records reads the store. It returns at most atMost future events of each kind. With an error, it returns what
	// could be read.
	Records func(ctx context.Context, atMost int) (Records, error)
}

// Figures are the numbers of a [Status] that are in memory.
type Figures struct {
	// Nonces is the number of nonces in memory.
	Nonces int
	// StoreBytes is the size of the store's file or of etcd's database, or 0 if it is not known.
	StoreBytes int64
	// Limits are the rate limits of the classes, in the order of [kmsapi.RateClasses], and GatewayLimits the rate
	// limits of dedicated gateways.
	Limits        []Limit
	GatewayLimits []GatewayLimit
	// Quotas are the quotas of what is counted in the store.
	Quotas []Quota
}

// Limit is the rate limit of a class.
type Limit struct {
	Class kmsapi.RateClass
	// PerSecond is how many requests a second an account may send in a region; negative means no limit.
	PerSecond int
}

// GatewayLimit is the rate limit of a dedicated gateway, which applies to each class.
type GatewayLimit struct {
	Gateway   string
	PerSecond int
}

// Usage counts the requests under one rate limit.
type Usage struct {
	// Account and Region are empty for a dedicated gateway, which has a limit of its own.
	Account, Region string
	Gateway         string
	Class           kmsapi.RateClass
	// Limit is in requests a second. PerSecond is how many were let through in the last minute, on average.
	Limit     int
	PerSecond float64
	// Passed and Refused count requests since the start, or since a reload has changed a rate limit.
	Passed, Refused uint64
}

// Records are the numbers of a [Status] that are in the store.
type Records struct {
	// Keys is the number of CMKs by account, region and state.
	Keys []KeyCount
	// Secrets is the number of secrets by account and region.
	Secrets []SecretCount
	// Losses are the next deletions of CMKs and expiries of imported material, SecretDeletions the next deletions of
	// secrets, and Rotations the next automatic rotations, each in the order of time. Overdue events are included.
	Losses, SecretDeletions, Rotations []Event
}

// KeyCount is the number of CMKs of an account and region in a state.
type KeyCount struct {
	Account, Region string
	State           kmsapi.KeyState
	Number          int
}

// SecretCount is the number of secrets of an account and region, including those whose deletion is scheduled.
type SecretCount struct {
	Account, Region string
	Number          int
}

// Event is something that will happen to a CMK or a secret without a request.
type Event struct {
	At              time.Time
	Account, Region string
	// KeyID is the id of the CMK. It is empty for a secret, whose name operators must not see.
	KeyID string
	// Loss is what a CMK loses, in a word.
	Loss string
}

// health returns nil if requests can be served. While the audit log fails, requests are refused without trying to write
// to it, so health tries.
func (s Status) health() error {
	if s.StoreErr != nil {
		return s.StoreErr
	}
	if s.AuditErr == nil {
		return nil
	}
	return s.RetryAudit()
}
