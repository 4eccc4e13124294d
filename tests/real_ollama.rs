//! real_ollama
