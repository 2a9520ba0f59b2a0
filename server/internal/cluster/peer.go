package cluster

import "encoding/json"

// Bounds of a [Peer], in bytes. A node's name in its certificate is shorter, and so is an address.
const (
	maxPeer    = 1 << 10
	maxName    = 128
	maxAddress = 261
)

// ParsePeer reads the value of the leader key. It returns the zero Peer if no node can have written the value: anything
// that can write to the store can write the key, and names and addresses are logged, shown and dialed.
func ParsePeer(value []byte) (p Peer) {
	if len(value) > maxPeer || json.Unmarshal(value, &p) != nil || !p.isSound() {
		return Peer{}
	}
	return p
}

func (p Peer) isSound() bool {
	return p.Name != "" && len(p.Name) <= maxName && len(p.Address) <= maxAddress &&
		isPrintable(p.Name) && isPrintable(p.Address)
}

// isPrintable reports whether s is ASCII without control characters.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
