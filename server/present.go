package server

// settings returns the current configuration and the content of its files.
func (s *Server) settings() (Config, files) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	return s.config, s.files
}

// replaceConfig replaces the configuration and the content of its files by what a reload has read.
func (s *Server) replaceConfig(c Config, f files) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.config, s.files = c, f
	if service := s.service.Load(); service != nil {
		service.configure(c, f)
	}
}

// serve makes service answer the server's requests; nil means that the server has none. It applies the current
// configuration, which may have been reloaded since the service was opened.
func (s *Server) serve(service *service) {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	if service != nil {
		service.configure(s.config, s.files)
	}
	s.service.Store(service)
}
