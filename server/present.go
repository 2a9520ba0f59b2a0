package server

// settings are the present configuration and the content of its files.
func (s *Server) settings() (Config, files) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	return s.config, s.files
}

// replaceConfig puts what a reload has read in the place of what there was.
func (s *Server) replaceConfig(c Config, f files) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.config, s.files = c, f
	if service := s.service.Load(); service != nil {
		service.configure(c, f)
	}
}

// serve makes a node's service that of the process; nil means that it has none. The configuration may have been
// reloaded since the service was opened.
func (s *Server) serve(service *service) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	if service != nil {
		service.configure(s.config, s.files)
	}
	s.service.Store(service)
}
