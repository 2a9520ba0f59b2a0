package setup

import "fmt"

// OptionError reports a value in [Options], [ClusterOptions], [AddOptions] or [RenewOptions] that can't be used.
// Nothing was made or changed.
type OptionError struct {
	// Option is the name of the option: host, listen, account, region, node, cluster or etcd.
	Option string
	Value  string
	Err    error
}

// Error implements error.
func (e *OptionError) Error() string { return fmt.Sprintf("%s %q: %v", e.Option, e.Value, e.Err) }

// Unwrap returns what is wrong with the value.
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(option, value string, err error) error {
	return &OptionError{Option: option, Value: value, Err: err}
}
