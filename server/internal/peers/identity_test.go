package peers

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// strange returns certificates that no node may accept, by what is wrong with them.
func strange(s *site, foreign *site) map[string]func() (certificate, key []byte) {
	signed := func(by *site, c *x509.Certificate) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { return by.issue(c) }
	}
	expired := template(uriOf("c"))
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	early := template(uriOf("c"))
	early.NotBefore = time.Now().Add(30 * time.Minute)
	email := template(uriOf("c"))
	email.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
	return map[string]func() ([]byte, []byte){
		"no URI":              signed(s, template()),
		"two URIs":            signed(s, template(uriOf("c"), uriOf("d"))),
		"a URI of another":    signed(s, template("spiffe://prod/c")),
		"no node":             signed(s, template("alicloudkms://prod/")),
		"no cluster":          signed(s, template("alicloudkms:///c")),
		"a longer path":       signed(s, template("alicloudkms://prod/c/d")),
		"a port":              signed(s, template("alicloudkms://prod:1/c")),
		"a query":             signed(s, template("alicloudkms://prod/c?d")),
		"an escape":           signed(s, template("alicloudkms://prod/c%0a")),
		"a user":              signed(s, template("alicloudkms://x@prod/c")),
		"capital letters":     signed(s, template("alicloudkms://PROD/c")),
		"another cluster":     signed(s, template("alicloudkms://test/c")),
		"the own name":        signed(s, template(uriOf("a"))),
		"another CA":          signed(foreign, template(uriOf("c"))),
		"an expired one":      signed(s, expired),
		"one of the future":   signed(s, early),
		"one for e-mail only": signed(s, email),
	}
}

// pretend returns an identity that was not checked.
func pretend(s *site, name string, certificate, key []byte) *Identity {
	pretended := s.identity(name)
	pair, err := tls.X509KeyPair(certificate, key)
	require.NoError(s.t, err)
	pretended.certificate = pair
	return pretended
}

// A certificate is valid as long as any of its chains is.
func TestACertificateExpiresWithTheCAAboveIt(t *testing.T) {
	now := time.Now().Truncate(time.Second).UTC()
	early, late := now.Add(time.Minute), now.Add(2*time.Hour)
	ca, err := pki.NewAuthority(pki.CA("peers", now, now.Add(time.Hour)), nil)
	require.NoError(t, err)
	longer, err := ca.Sign(pki.CA("peers", now, now.Add(3*time.Hour)), ca.Certificate.PublicKey)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		until time.Time
		cas   []*x509.Certificate
		want  time.Time
	}{
		"its own end":             {early, []*x509.Certificate{ca.Certificate}, early},
		"that of its CA":          {late, []*x509.Certificate{ca.Certificate}, now.Add(time.Hour)},
		"that of its CA, renewed": {late, []*x509.Certificate{ca.Certificate, longer}, late},
	} {
		t.Run(name, func(t *testing.T) {
			c := template(uriOf("a"))
			c.NotAfter = tc.until
			certificate, key := (&site{t: t, ca: ca}).issue(c)
			i, err := ParseIdentity(certificate, key, pki.EncodeCertificates(tc.cas...), now)
			require.NoError(t, err)
			require.Equal(t, tc.want, i.Expires.UTC())
		})
	}
}

func TestANodeRefusesWhatIsNoPeer(t *testing.T) {
	s, foreign := newSite(t), newSite(t)
	for name, issue := range strange(s, foreign) {
		t.Run(name, func(t *testing.T) {
			active := s.active("a", say("hello"))
			certificate, key := issue()
			standby := s.node("c", func(o *Options) { o.Identity = pretend(s, "c", certificate, key) })
			_, err := standby.Forward(t.Context(), active.peer, post(""))
			require.ErrorIs(t, err, ErrNotRun, "a request never leaves before the peer has accepted the link")
			require.Eventually(t, func() bool {
				return strings.Contains(active.log.String(), "a peer was refused")
			}, time.Minute, time.Millisecond)
		})
	}
}

func TestANodeDoesNotSendToWhatIsNoPeer(t *testing.T) {
	s, foreign := newSite(t), newSite(t)
	for name, issue := range strange(s, foreign) {
		t.Run(name, func(t *testing.T) {
			certificate, key := issue()
			active := s.node("c", func(o *Options) { o.Identity = pretend(s, "c", certificate, key) })
			standby := s.node("a", nil)
			_, err := standby.Forward(t.Context(), active.peer, post(""))
			require.ErrorIs(t, err, ErrNotRun)
		})
	}
}

func TestAPeerMustHaveTheNameThatItIsCalledBy(t *testing.T) {
	s := newSite(t)
	active, standby := s.active("a", say("")), s.node("b", nil)
	to := active.peer
	to.Name = "c"
	_, err := standby.Forward(t.Context(), to, post(""))
	require.ErrorIs(t, err, ErrNotRun)
	require.ErrorContains(t, err, "at its address is node a")
	_, err = standby.Forward(t.Context(), standby.peer, post(""))
	require.ErrorIs(t, err, errItself)
}

func TestAPeerMustSpeakTheProtocol(t *testing.T) {
	s := newSite(t)
	active := s.active("a", say(""))
	config := s.identity("b").tlsConfig(func(tls.ConnectionState) error { return nil })
	for _, other := range [][]string{nil, {"h2"}} {
		config.NextProtos, config.VerifyConnection = other, nil
		l, err := dialLink(t.Context(), active.peer.Address, config, usualTimes)
		require.Error(t, err)
		require.Nil(t, l)
	}
	config.NextProtos, config.MaxVersion = []string{protocol}, tls.VersionTLS12
	config.MinVersion = tls.VersionTLS12
	_, err := dialLink(t.Context(), active.peer.Address, config, usualTimes)
	require.ErrorContains(t, err, "protocol version")
}

func TestAnIdentityIsCheckedBeforeItIsUsed(t *testing.T) {
	s := newSite(t)
	certificate, key := s.issue(template(uriOf("a")))
	for name, tc := range map[string]struct {
		certificate, key, authorities []byte
		now                           time.Time
	}{
		"another CA":           {certificate, key, newSite(t).authorities(), time.Now()},
		"no CA":                {certificate, key, nil, time.Now()},
		"no key":               {certificate, nil, s.authorities(), time.Now()},
		"an expired one":       {certificate, key, s.authorities(), time.Now().Add(2 * time.Hour)},
		"one of another's key": {certificate, second(s.issue(template(uriOf("a")))), s.authorities(), time.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseIdentity(tc.certificate, tc.key, tc.authorities, tc.now)
			require.Error(t, err)
		})
	}
	server := template(uriOf("a"))
	server.ExtKeyUsage = server.ExtKeyUsage[:1]
	certificate, key = s.issue(server)
	_, err := ParseIdentity(certificate, key, s.authorities(), time.Now())
	require.Error(t, err, "a node is a client too")
}

func TestANewCertificateHasTheSameName(t *testing.T) {
	s := newSite(t)
	active, standby := s.active("a", say("hello")), s.node("b", nil)
	require.ErrorIs(t, standby.SetIdentity(s.identity("c")), ErrRenamed)
	require.NoError(t, standby.SetIdentity(s.identity("b")))
	_, err := standby.Forward(t.Context(), active.peer, post(""))
	require.NoError(t, err)
}

func TestStrangersFillNeitherLogNorListener(t *testing.T) {
	s := newSite(t)
	active, standby := s.active("a", say("hello")), s.node("b", nil)
	active.refusals.limiter.SetLimit(rate.Every(neverInATest)) // Beyond what is logged at once.
	var oldest net.Conn
	for range 3 * maxStrangers {
		conn, err := net.Dial("tcp", active.peer.Address)
		require.NoError(t, err)
		defer conn.Close()
		if oldest == nil {
			oldest = conn
		}
	}
	require.NoError(t, oldest.SetReadDeadline(time.Now().Add(active.times.dial/2)))
	_, err := oldest.Read(make([]byte, 1))
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it was closed for the others")
	_, err = standby.Forward(t.Context(), active.peer, post(""))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return strings.Count(active.log.String(), "\n") == refusalsAtOnce && active.refusals.omitted.Load() > 0
	}, time.Minute, time.Millisecond)
}

func TestWhatWasOmittedIsCounted(t *testing.T) {
	var log testlog.Buffer
	r := newRefusals(slog.New(slog.NewTextHandler(&log, nil)))
	for range refusalsAtOnce + 3 {
		r.note("refused", "x", errClosed)
	}
	r.limiter.SetBurst(2 * refusalsAtOnce)
	r.limiter.SetLimit(1e6)
	time.Sleep(time.Millisecond)
	r.note("refused", strings.Repeat("x", 3), errClosed)
	require.Contains(t, log.String(), "omitted=3")
}

func second(_, b []byte) []byte { return b }
