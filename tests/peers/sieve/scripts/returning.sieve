require "include"; return; discard;
