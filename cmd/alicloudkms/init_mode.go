package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// initMode is what init does. Each mode but the last begins with a flag.
type initMode struct {
	flag string
	// flags are the others that work with it, besides -o.
	flags []string
	run   func(*cli.Command) error
}

// initModes returns the modes. The first one whose flag is given wins.
func initModes() []initMode {
	service := []string{"host", "listen", "region", "account", "data"}
	return []initMode{
		{"renew", []string{"host", "ca-key", "nodes-ca-key"}, runRenew},
		{"from", []string{"node", "host", "ca-key", "nodes-ca-key"}, runInitFrom},
		{"node", append([]string{"etcd", "cluster"}, service...), runInitCluster},
		{"", service, runInitService},
	}
}

// initModeOf returns the mode that the flags mean, after it has refused those that don't work with it.
func initModeOf(c *cli.Command) (m initMode, err error) {
	modes := initModes()
	m = modes[slices.IndexFunc(modes, func(m initMode) bool { return m.flag == "" || c.IsSet(m.flag) })]
	for _, flag := range c.LocalFlagNames() {
		if flag != "o" && flag != m.flag && !slices.Contains(m.flags, flag) {
			return m, m.refuse(c, flag, modes)
		}
	}
	return m, nil
}

// refuse says which flags another one needs, or excludes.
func (m initMode) refuse(c *cli.Command, flag string, modes []initMode) error {
	var with []string
	without := false
	for _, other := range modes {
		switch {
		case other.flag == flag:
			without = true
		case !slices.Contains(other.flags, flag):
		case other.flag == "" || c.IsSet(other.flag):
			without = true
		default:
			with = append(with, "-"+other.flag)
		}
	}
	if without {
		return usagef(c, "-%s works only without -%s", flag, m.flag)
	}
	return usagef(c, "-%s works only with %s", flag, strings.Join(with, " or "))
}
