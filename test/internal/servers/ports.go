package servers

// HoldAddresses returns n addresses of 127.0.0.1 for servers that have to know theirs before they run, or that need it
// again after they were down. Nothing listens there. On Linux, the kernel gives their ports to nobody until release,
// neither for port 0 nor for an outgoing connection, in whatever process; a server that asks for one gets it.
func HoldAddresses(n int) (addresses []string, release func(), err error) {
	var held []func() error
	release = func() {
		for _, let := range held {
			_ = let() // Nothing was written.
		}
	}
	for range n {
		address, let, err := holdAddress()
		if err != nil {
			release()
			return nil, nil, err
		}
		addresses, held = append(addresses, address), append(held, let)
	}
	if !isHeldFromServers {
		return addresses, release, nil
	}
	release()
	return addresses, func() {}, nil
}
