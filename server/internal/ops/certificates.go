package ops

import (
	"strings"
	"time"
)

// Certificate is a TLS certificate in use. /healthz, /metrics and the page show the same list of them.
type Certificate struct {
	// For is what the certificate is used for.
	For CertificateUse
	// Gateway is the gateway's name, if For is [ForClients].
	Gateway string
	// Expires is when the peers that it is shown to begin to refuse it. It is zero for a gateway that speaks plain
	// HTTP.
	Expires time.Time
}

// CertificateUse is what a certificate is used for. It is shown by /healthz and by a label of a metric.
type CertificateUse string

// The uses of certificates.
const (
	// ForClients is the use of a certificate that a gateway shows to clients.
	ForClients CertificateUse = "gateway"
	// ForNodes and ForEtcd are the uses of the certificates that a node of a cluster shows to the others and to etcd.
	ForNodes CertificateUse = "node"
	ForEtcd  CertificateUse = "etcd"
)

// words returns the words that follow "The certificate".
func (c Certificate) words() string {
	switch c.For {
	case ForNodes:
		return "of this node"
	case ForEtcd:
		return "for etcd"
	default:
		return "of gateway " + shown(c.Gateway)
	}
}

// soon is how long before the expiry of a certificate the page and /healthz begin to warn.
const soon = 14 * day

func (c Certificate) expired(now time.Time) bool {
	return !c.Expires.IsZero() && !now.Before(c.Expires)
}

func (c Certificate) expiresSoon(now time.Time) bool {
	return !c.Expires.IsZero() && now.Before(c.Expires) && c.Expires.Sub(now) <= soon
}

// firstExpiry returns when the first of the certificates expires, or zero if there are none.
func (s Status) firstExpiry() (first time.Time) {
	for _, c := range s.Certificates {
		if !c.Expires.IsZero() && (first.IsZero() || c.Expires.Before(first)) {
			first = c.Expires
		}
	}
	return first
}

// expiredNotes returns notes about the certificates that have expired, and expiryNotes about those that expire soon.
func (s Status) expiredNotes() []string {
	return s.certificateNotes(func(c Certificate) string {
		if !c.expired(s.At) {
			return ""
		}
		return "has expired"
	})
}

func (s Status) expiryNotes() []string {
	return s.certificateNotes(func(c Certificate) string {
		if !c.expiresSoon(s.At) {
			return ""
		}
		return "expires in " + span(c.Expires.Sub(s.At))
	})
}

// maxNotes is how many certificates are mentioned one by one.
const maxNotes = 5

// certificateNotes returns a sentence for each certificate that say returns words for, up to maxNotes, and one with the
// number of the others.
func (s Status) certificateNotes(say func(Certificate) string) (all []string) {
	left := 0
	for _, c := range s.Certificates {
		switch said := say(c); {
		case said == "":
		case len(all) < maxNotes:
			all = append(all, "The certificate "+c.words()+" "+said+".")
		default:
			left++
		}
	}
	if left > 0 {
		all = append(all, "The same holds for "+plural(float64(left), "more certificate.", "more certificates."))
	}
	return all
}

// certificateReport is a certificate in the answer about a node's health.
type certificateReport struct {
	For     CertificateUse `json:"for"`
	Gateway string         `json:"gateway,omitempty"`
	Expires time.Time      `json:"expires"`
}

func (s Status) certificateReports() (all []certificateReport) {
	for _, c := range s.Certificates {
		if !c.Expires.IsZero() {
			all = append(all, certificateReport{c.For, c.Gateway, c.Expires.UTC()})
		}
	}
	return all
}

// certificateWarnings returns the notes in the style of a node's other warnings.
func (s Status) certificateWarnings() (all []string) {
	for _, note := range append(s.expiredNotes(), s.expiryNotes()...) {
		all = append(all, strings.TrimSuffix(note, "."))
	}
	return all
}
