// Package servercert says why a connection was not trusted, in words that are safe to print. A certificate that is
// refused may be anybody's, and may hold any names, so what is shown of it is bounded and escaped.
package servercert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/printable"
)

const (
	// maxNames is how many names of a certificate are shown.
	maxNames = 5
	// maxText bounds the messages of other errors, in bytes.
	maxText = 512
)

// A problem is an error with another message.
type problem struct {
	text string
	err  error
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.err }

// Explain wraps err, which is of a connection that was not made, in an error whose message is safe to print. If the
// server's certificate has the wrong names, the message says which.
func Explain(err error) error {
	text := err.Error()
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		text = fmt.Sprintf("the server's certificate is not for %q; the certificate names: %s",
			wrong.Host, namesOf(wrong.Certificate))
	} else if text = safe(text); text == err.Error() {
		return err
	}
	return &problem{text, err}
}

// namesOf lists the names that count: a certificate's Common Name does not.
func namesOf(c *x509.Certificate) string {
	var names []string
	for _, name := range c.DNSNames {
		names = append(names, fmt.Sprintf("%+.64q", name))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) > maxNames:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	case len(names) > 0:
		return strings.Join(names, ", ")
	case c.Subject.CommonName != "":
		return fmt.Sprintf("none, since its Common Name, %+.64q, does not count", c.Subject.CommonName)
	default:
		return "none"
	}
}

// safe returns text without control characters, and no more than maxText bytes of it.
func safe(text string) string {
	if text = printable.Text(text); len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}

// Advice returns what to do about a certificate with the wrong names, and "" if err is about something else.
func Advice(err error) string {
	wrong, ok := errors.AsType[x509.HostnameError](err)
	if !ok {
		return ""
	}
	host := strings.Trim(wrong.Host, "[]")
	if strings.HasSuffix(host, ".aliyuncs.com") {
		return "the server that answered is not Alibaba Cloud's; check the endpoint, DNS and the proxy"
	}
	kind := "DNS"
	if _, err := netip.ParseAddr(host); err == nil {
		kind = "IP"
	}
	wanted := fmt.Sprintf("subjectAltName=%s:%s, as alicloudkms init -host %s DIR does", kind, host, host)
	if len(wrong.Certificate.DNSNames)+len(wrong.Certificate.IPAddresses) == 0 {
		return "make a certificate for the server with " + wanted
	}
	return "call the server by a name that its certificate has, or make it one with " + wanted
}
