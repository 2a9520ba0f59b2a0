package kmsapi

// dryRun is the rule of DryRun. A dry run is always answered with an error that says how the request would have ended:
// [ErrDryRunOperation], [ErrValidation] or [ErrAccessDenied].
var dryRun = Rule{Name: "DryRun"}

// IsDryRun reports whether a request of o with these parameters is a dry run.
func (o Operation) IsDryRun(p Params) bool {
	return p.Get(dryRun.Name) == "true" && o.Takes(dryRun.Name)
}
