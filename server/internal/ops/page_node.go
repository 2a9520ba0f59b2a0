package ops

import (
	"cmp"
	"fmt"
	"time"
)

// clusterView is what a node's page shows about its cluster. Name is the node's name.
type clusterView struct {
	Name        string
	Node, Store []fact
}

// clusterOf returns nil for a service without a cluster.
func clusterOf(n *Node) *clusterView {
	if n == nil {
		return nil
	}
	return &clusterView{Name: shown(n.Name), Node: nodeFacts(*n), Store: storeFacts(*n)}
}

func nodeFacts(n Node) []fact {
	all := []fact{
		{Name: "Role", Value: n.role()},
		{Name: "Name", Value: shown(n.Name)},
		{Name: "Active node", Value: cmp.Or(shown(n.ActiveNode), "none is known"), Bad: n.ActiveNode == ""},
	}
	if n.Active {
		all = append(all, fact{Name: "Lease", Value: seconds(n.Lease) + " left"})
	} else {
		may := fact{Name: "Takeover", Value: "this node can take over"}
		if n.Refusal != nil {
			may = fact{Name: may.Name, Value: "this node can't take over: " + shownError(n.Refusal), Bad: true}
		}
		all = append(all, may)
	}
	return append(all, fact{Name: "Clock", Value: clockWords(n.ClockOffset), Bad: n.ClockErr != nil})
}

func storeFacts(n Node) []fact {
	all := []fact{
		{Name: "Etcd", Value: "has answered within a lease"},
		{Name: "Size", Value: "not known yet"},
		{Name: "Alarm", Value: cmp.Or(shown(n.StoreAlarm), "none"), Bad: n.StoreAlarm != ""},
		{Name: "Revision", Value: fmt.Sprint(n.Revision)},
		{Name: "Copy of this node", Value: "has the last commit"},
	}
	if !n.Connected {
		all[0].Value, all[0].Bad = "has not answered within a lease", true
	}
	if n.StoreBytes > 0 {
		all[1].Value = bytesOf(n.StoreBytes) + ", with all else in etcd"
	}
	if !n.Current {
		all[4].Value, all[4].Bad = "may lack the last commit", true
	}
	return all
}

// seconds formats a duration in seconds, with tenths.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// clockWords says how far a clock is ahead of another.
func clockWords(ahead time.Duration) string {
	off, by := ahead.Abs().Round(time.Millisecond), seconds(ahead.Abs())
	if off < time.Second {
		by = fmt.Sprintf("%d ms", off.Milliseconds())
	}
	switch {
	case off == 0:
		return "agrees with every node seen"
	case ahead > 0:
		return by + " ahead of the node from which it differs most"
	default:
		return by + " behind the node from which it differs most"
	}
}

// maxError is how much of an error the page shows, in characters: some errors quote what another machine has sent.
const maxError = 512

// shownError returns an error in the form that the page shows.
func shownError(err error) string { return visible(err.Error(), maxError) }

// standbySummary returns the most important figures of a standby.
func standbySummary(n Node, r reading) []figure {
	all, answered := 0.0, r.counts.forwarded[string(ForwardAnswered)]
	for _, number := range r.counts.forwarded {
		all += number
	}
	return []figure{
		{"Role", "standby", "node " + shown(n.Name)},
		{"Active node", cmp.Or(shown(n.ActiveNode), "none"), "answers what this node receives"},
		{"Received", count(all), percent(all-answered, all) + " not answered, since the start"},
		{"Store", bytesOf(n.StoreBytes), "in etcd"},
	}
}
