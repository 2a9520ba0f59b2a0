package config

import "time"

// Limits bound what a request may take. Zero values mean the defaults.
type Limits struct {
	// TimestampWindow is how far a request's timestamp may differ from the service's clock; "" means "15m".
	TimestampWindow string `hcl:"timestamp_window,optional"`
	// MaxRequestBytes bounds the header and the body, each; 0 means 256 KiB.
	MaxRequestBytes int `hcl:"max_request_bytes,optional"`
	// MaxNonces bounds the nonces in memory; 0 means 2,000,000, enough for about 1,000 requests a second with the
	// default window.
	MaxNonces int `hcl:"max_nonces,optional"`
	// MaxConnections bounds the connections of a gateway that are open at once; 0 means 4,096. At the bound, each new
	// connection closes one that was never authenticated or is idle.
	MaxConnections int `hcl:"max_connections,optional"`
	// MaxUnauthenticatedPerAddress bounds the connections from a source address to a gateway on which no request has
	// been authenticated yet; nil means an eighth of MaxConnections, and 0 no limit.
	MaxUnauthenticatedPerAddress *int `hcl:"max_unauthenticated_per_address,optional"`
}

// The defaults of [Limits].
const (
	DefaultTimestampWindow = 15 * time.Minute
	DefaultMaxRequestBytes = 256 << 10
	DefaultMaxNonces       = 2_000_000
	DefaultMaxConnections  = 4096
)

func (l *Limits) validate(at Place, found *faults) {
	if l == nil {
		return
	}
	strangers := 0
	if l.MaxUnauthenticatedPerAddress != nil {
		strangers = *l.MaxUnauthenticatedPerAddress
	}
	for _, bound := range []struct {
		name  string
		value int
	}{
		{"max_request_bytes", l.MaxRequestBytes},
		{"max_nonces", l.MaxNonces},
		{"max_connections", l.MaxConnections},
		{"max_unauthenticated_per_address", strangers},
	} {
		if bound.value < 0 {
			found.add(at.Field(bound.name), "%d is negative", bound.value)
		}
	}
	window, err := l.Window()
	if err != nil || window < time.Second || window > 24*time.Hour {
		found.add(at.Field("timestamp_window"), "%q is not a duration from 1s to 24h, such as \"15m\"", l.TimestampWindow)
	}
}

// Window returns TimestampWindow or its default. It may be called on nil.
func (l *Limits) Window() (time.Duration, error) {
	if l == nil || l.TimestampWindow == "" {
		return DefaultTimestampWindow, nil
	}
	return time.ParseDuration(l.TimestampWindow)
}

// WithDefaults returns l with defaults for the bounds that are not set. It may be called on nil.
func (l *Limits) WithDefaults() Limits {
	var full Limits
	if l != nil {
		full = *l
	}
	full.MaxRequestBytes = orDefault(full.MaxRequestBytes, DefaultMaxRequestBytes)
	full.MaxNonces = orDefault(full.MaxNonces, DefaultMaxNonces)
	full.MaxConnections = orDefault(full.MaxConnections, DefaultMaxConnections)
	if full.MaxUnauthenticatedPerAddress == nil {
		const share = 8
		perAddress := max(full.MaxConnections/share, 1)
		full.MaxUnauthenticatedPerAddress = &perAddress
	}
	return full
}

func orDefault(value, standard int) int {
	if value == 0 {
		return standard
	}
	return value
}
